//! What the writer does when things go wrong, or somebody else writes too.

use super::*;

#[tokio::test]
async fn a_write_that_comes_second_waits_for_the_first_and_keeps_it() {
    let stage = Stage::new().await;
    stage.put_route("a", json!({}), json!([]));
    stage.until_quiet().await;
    stage.watching.send_replace(false);
    let other = json!({"controllerName": "x.y/z", "parentRef": {"name": "o"}, "conditions": []});
    stage.server.edit("httproutes", "default", "a", |route| {
        route["status"]["parents"] = json!([other]);
    });
    stage.want_route("a", route(1, "here"));
    let refused = |_: &ApiServer| stage.writes("httproutes", "a") == [409];
    stage.server.until("the write is refused", refused).await;
    stage.watching.send_replace(true);
    stage.until_told("a", "here").await;
    assert_eq!(stage.parents("a")[0], other);
    assert_eq!(stage.writes("httproutes", "a"), [409, 200]);
}

#[tokio::test]
async fn an_object_that_goes_meanwhile_holds_nobody_up() {
    let stage = Stage::new().await;
    for name in ["a", "b"] {
        stage.put_route(name, json!({}), json!([]));
    }
    stage.until_quiet().await;
    let (fault, hold) = Fault::hold();
    stage.server.fault(fault.verb("patch").named("a"));
    stage.want_route("a", route(1, "here"));
    stage.want_route("b", route(1, "here"));
    stage.until_told("b", "here").await;
    stage.server.remove("httproutes", "default", "a");
    stage.want(Kind::HTTPRoute, "a", None);
    hold.release();
    stage.server.until("the answer", |_| stage.writes("httproutes", "a") == [404]).await;
    stage.until_quiet().await;
    assert_eq!(stage.writes("httproutes", "a"), [404]);
    // Made anew, it is told like any other.
    stage.put_route("a", json!({}), json!([]));
    stage.want_route("a", route(1, "anew"));
    stage.until_told("a", "anew").await;
}

#[tokio::test]
async fn behind_a_slow_answer_only_the_latest_wish_is_written() {
    let stage = Stage::new().await;
    stage.put_route("a", json!({}), json!([]));
    stage.until_quiet().await;
    let (fault, hold) = Fault::hold();
    stage.server.fault(fault.verb("patch").named("a").times(1));
    stage.want_route("a", route(1, "one"));
    // Whoever wrote this had nothing else to write before.
    stage.until_quiet().await;
    for message in ["two", "three", "four"] {
        stage.want_route("a", route(1, message));
        stage.until_quiet().await;
    }
    hold.release();
    stage.until_told("a", "four").await;
    assert_eq!(stage.writes("httproutes", "a"), [200, 200]);
}

#[tokio::test]
async fn every_kind_of_outage_ends_in_what_is_wanted() {
    let faults = [
        ("500", Fault::internal().times(2)),
        ("403 of one that has just started", Fault::forbidden().times(3)),
        ("429", Fault::too_many(0).times(2)),
        ("503", Fault::refuse(503, "ServiceUnavailable").times(2)),
        ("cut", Fault::cut().times(2)),
        ("lost answer", Fault::lose_answer().times(1)),
    ];
    for (what, fault) in faults {
        let stage = Stage::new().await;
        for name in ["a", "b", "c"] {
            stage.put_route(name, json!({}), json!([]));
        }
        stage.until_quiet().await;
        stage.server.fault(fault.verb("patch"));
        for name in ["a", "b", "c"] {
            stage.want_route(name, route(1, what));
        }
        for name in ["a", "b", "c"] {
            stage.until_told(name, what).await;
        }
        stage.until_quiet().await;
        for name in ["a", "b", "c"] {
            let writes = stage.writes("httproutes", name);
            let good = writes.iter().filter(|code| **code == 200).count();
            assert_eq!(good, 1, "{what}: {name}: {writes:?}");
        }
    }
}

#[tokio::test]
async fn a_server_that_is_down_gets_everything_when_it_is_back() {
    let stage = Stage::new().await;
    let names: Vec<String> = (0..40).map(|at| format!("r{at:02}")).collect();
    for name in &names {
        stage.put_route(name, json!({}), json!([]));
    }
    stage.server.down(true);
    for name in &names {
        stage.want_route(name, route(1, "here"));
    }
    stage.server.down(false);
    for name in &names {
        stage.until_told(name, "here").await;
    }
}

#[tokio::test]
async fn a_status_that_is_refused_is_told_and_not_tried_for_ever() {
    for code in [400, 422] {
        let stage = Stage::new().await;
        stage.put_route("a", json!({}), json!([]));
        stage.until_quiet().await;
        stage.notices.try_take();
        stage.server.fault(Fault::refuse(code, "No").verb("patch").named("a"));
        stage.want_route("a", route(1, "bad"));
        let told = async {
            loop {
                let notices = stage.notices.take().await;
                if let Some((key, Some(notice))) = notices.into_iter().find(|(_, n)| n.is_some()) {
                    return (key, notice);
                }
            }
        };
        let (about, notice) = tokio::time::timeout(Duration::from_secs(20), told).await.unwrap();
        assert_eq!(about.object, Some(key(Kind::HTTPRoute, "a")));
        assert_eq!(notice.reason, NOT_WRITTEN);
        stage.until_quiet().await;
        assert_eq!(stage.writes("httproutes", "a"), [code]);
        stage.server.mend();
        stage.want_route("a", route(1, "good"));
        stage.until_told("a", "good").await;
    }
}

#[tokio::test]
async fn a_controller_of_the_same_name_is_given_way_to_and_told() {
    let stage = Stage::new().await;
    stage.put_route("a", json!({}), json!([]));
    let rival = json!([{"controllerName": OURS, "parentRef": {"name": "gw"}, "conditions": []}]);
    let server = stage.server.clone();
    let contest = tokio::spawn(async move {
        let mut changes = server.changes();
        loop {
            changes.mark_unchanged();
            server.edit("httproutes", "default", "a", |route| {
                route["status"]["parents"] = rival.clone();
            });
            let ours = |server: &ApiServer| {
                let route = server.object("httproutes", "default", "a").unwrap();
                route["status"]["parents"] != rival
            };
            while !ours(&server) {
                changes.changed().await.unwrap();
            }
        }
    });
    stage.want_route("a", route(1, "mine"));
    let told = async {
        loop {
            let notices = stage.notices.take().await;
            if notices.into_keys().any(|key| key.reason == "StatusContested") {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), told).await.unwrap();
    let writes = stage.writes("httproutes", "a").len();
    assert!((3..=5).contains(&writes), "given way to: {writes} writes");
    contest.abort();
    stage.until_quiet().await;
    // Once the other one is gone, ours comes to stand there.
    stage.want_route("a", route(1, "at last"));
    stage.until_told("a", "at last").await;
}
