//! Edits while traffic runs, one by one: each way to change a file, and each way to break one.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::symlink,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use crate::stage::{
    answer::Answer,
    backend::Backend,
    certificate::Certificate,
    http1::{Http1, once},
    manifests,
    ports::Port,
    process::{Folder, Running},
    site::{GATEWAY, Site},
    tls::Secured,
    wait,
};

#[tokio::test]
async fn files_are_added_edited_replaced_and_removed() {
    let site = Site::open().await;
    let (one, two) = (Backend::named("one").await, Backend::named("two").await);
    let mut idle = site.client().await;
    site.assert_steady(&mut idle).await;
    let (first, second) = (Site::route("app", &one), Site::route("app", &two));
    let cases: [Edit<'_>; 6] = [
        ("added", &|folder| folder.write("app.yaml", &first), Some("one")),
        ("edited in place", &|folder| folder.write("app.yaml", &second), Some("two")),
        ("replaced", &|folder| folder.replace("app.yaml", &first), Some("one")),
        ("removed", &|folder| folder.remove("app.yaml"), None),
        (
            "added in a new folder",
            &|folder| folder.write_below("new/app.yaml", &second),
            Some("two"),
        ),
        ("removed with its folder", &|folder| folder.remove_all("new"), None),
    ];
    for (what, edit, expected) in cases {
        edit(&site.folder);
        let edited = Instant::now();
        wait::until(&format!("the effect of a file that is {what}"), async || {
            let answer = site.get("app.example.com", "/").await;
            (backend(&answer).as_deref() == expected).then_some(())
        })
        .await;
        println!("{what}: served after {:.1} ms", edited.elapsed().as_secs_f64() * 1000.0);
        // The connection from before all edits is still the same one.
        site.assert_steady(&mut idle).await;
    }
}

#[tokio::test]
async fn a_broken_edit_keeps_what_was_there_and_its_neighbours() {
    let (app, other) = (Backend::named("app").await, Backend::named("other").await);
    // As people write it: the namespace is the default one.
    let text = Site::route("app", &app).replace(", namespace: default", "");
    let site = Site::with(&[], |folder| folder.write("app.yaml", &text)).await;
    let mut idle = site.client().await;
    let broken = text.replace("hostnames: [", "hostnames: [[");
    assert_ne!(broken, text);
    let both = broken + &Site::route("other", &other);
    site.folder.write("app.yaml", &both);
    site.running.says(&["app.yaml:"]).await;
    assert_eq!(site.get("app.example.com", "/").await.echo().backend, "app");
    site.assert_steady(&mut idle).await;

    site.folder.write("app.yaml", &(text + &Site::route("other", &other)));
    wait::until("the other route of the mended file", async || {
        let answer = site.get("other.example.com", "/").await;
        (backend(&answer).as_deref() == Some("other")).then_some(())
    })
    .await;
    site.running.says(&["mended"]).await;
    assert_eq!(site.get("app.example.com", "/").await.echo().backend, "app");
    site.assert_steady(&mut idle).await;
}

#[tokio::test]
async fn a_file_that_is_named_itself_is_followed() {
    let (one, two) = (Backend::named("one").await, Backend::named("two").await);
    let (folder, beside) = (Folder::new(), Folder::with("app.yaml", &Site::route("app", &one)));
    let (port, _steady) = Site::furnish(&folder).await;
    let running = Running::start(&[folder.path(), &beside.file("app.yaml")], &[]).await;
    running.admin.programmed(GATEWAY).await;
    assert_eq!(asked(&port).await.as_deref(), Some("one"));
    for (text, expected) in [(Site::route("app", &two), "two"), (Site::route("app", &one), "one")] {
        beside.replace("app.yaml", &text);
        wait::until("the file that was put in its place", async || {
            (asked(&port).await.as_deref() == Some(expected)).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_mounted_config_map_is_followed() {
    let (one, two) = (Backend::named("one").await, Backend::named("two").await);
    let folder = Folder::new();
    // As a kubelet writes it: names that point through a link which is swapped in one step.
    folder.write_below("..first/app.yaml", &Site::route("app", &one));
    symlink("..first", folder.file("..data")).expect("a link");
    symlink("..data/app.yaml", folder.file("app.yaml")).expect("a link");
    let (port, _steady) = Site::furnish(&folder).await;
    let running = Running::start(&[folder.path()], &[]).await;
    running.admin.programmed(GATEWAY).await;
    assert_eq!(asked(&port).await.as_deref(), Some("one"));
    folder.write_below("..second/app.yaml", &Site::route("app", &two));
    symlink("..second", folder.file("..next")).expect("a link");
    fs::rename(folder.file("..next"), folder.file("..data")).expect("the link can be swapped");
    wait::until("what the link points to now", async || {
        (asked(&port).await.as_deref() == Some("two")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_emptied_before_it_is_written_serves_on() {
    let (one, two) = (Backend::named("one").await, Backend::named("two").await);
    let site = Site::with(&[], |folder| folder.write("app.yaml", &Site::route("app", &one))).await;
    assert_eq!(asked(&site.port).await.as_deref(), Some("one"));
    // As a shell does for `tool > app.yaml`. The time is one that has not come, so that this
    // machine cannot be too slow for the test.
    let mut file = fs::File::create(site.folder.file("app.yaml")).expect("the file");
    file.set_modified(SystemTime::now() + Duration::from_secs(3600)).expect("a time");
    // A later edit that is served proves that the empty file has been seen.
    site.folder.write("other.yaml", &Site::route("other", &two));
    wait::until("the other file", async || {
        (site.get("other.example.com", "/").await.status == 200).then_some(())
    })
    .await;
    assert_eq!(asked(&site.port).await.as_deref(), Some("one"));
    file.write_all(Site::route("app", &two).as_bytes()).expect("the text");
    wait::until("the text of the tool", async || {
        (asked(&site.port).await.as_deref() == Some("two")).then_some(())
    })
    .await;
    file.set_len(0).expect("the file can be emptied");
    file.set_modified(SystemTime::UNIX_EPOCH).expect("a time");
    wait::until("a file that is meant to be empty", async || {
        asked(&site.port).await.is_none().then_some(())
    })
    .await;
}

#[tokio::test]
async fn listeners_come_and_go() {
    let site = Site::open().await;
    let mut idle = site.client().await;
    site.assert_steady(&mut idle).await;
    let extra = Port::free();
    let base = manifests::http("http", site.port.number);
    let more = [base.clone(), manifests::http("extra", extra.number)];
    site.folder.replace("gateway.yaml", &manifests::gateway(GATEWAY, &more));
    wait::until("Programmed=True of the new listener", async || {
        let programmed = site.running.admin.listener(GATEWAY, "extra", "Programmed").await?;
        (programmed.status == "True").then_some(())
    })
    .await;
    // Programmed means that traffic runs, so the first try must succeed.
    let mut there = Http1::connect(extra.address()).await.expect("open");
    site.assert_steady(&mut there).await;

    site.folder.replace("gateway.yaml", &manifests::gateway(GATEWAY, &[base]));
    wait::until("the end of the listener", async || {
        let status = site.running.admin.listener(GATEWAY, "extra", "Programmed").await;
        status.is_none().then_some(())
    })
    .await;
    // It is asked to go, or closed where it idles; it is not cut.
    let last = there.get("steady.example.com", "/").await;
    assert!(last.is_err() || there.closing, "{last:?}");
    site.assert_steady(&mut idle).await;
}

#[tokio::test]
async fn a_port_that_changes_its_gateway_refuses_nobody() {
    let (port, app) = (Port::free(), Backend::named("app").await);
    let host = "app.example.com";
    let text = |gateway: &str| {
        let listener = manifests::http("http", port.number);
        manifests::gateway(gateway, &[listener])
            + &manifests::route("app", gateway, host, "/", "app")
            + &manifests::service("app", app.address)
    };
    let names = ["default/first", "default/second"];
    let folder = Folder::with("all.yaml", &text(names[0]));
    let running = Running::start(&[folder.path()], &[]).await;
    running.admin.programmed(names[0]).await;
    let (address, over) = (port.address(), Arc::new(AtomicBool::new(false)));
    let stop = over.clone();
    let newcomers = tokio::spawn(async move {
        let mut answered = 0;
        while !stop.load(Ordering::Relaxed) {
            let mut client = Http1::connect(address).await.expect("nobody is refused");
            let answer = client.get(host, "/").await.expect("nor cut off");
            // Who came in by a Gateway that is gone meanwhile finds nothing there any more.
            let late = answer.status == 404 && client.closing;
            assert!(late || answer.echo().backend == "app");
            answered += usize::from(!late);
        }
        answered
    });
    let mut kept = Http1::connect(address).await.expect("open");
    for round in 1..=10 {
        let name = names[round % 2];
        folder.replace("all.yaml", &text(name));
        running.admin.programmed(name).await;
        // A connection belongs to the Gateway that took it, and is asked to go with it.
        let last = kept.get(host, "/").await.expect("the last answer");
        assert!(kept.closing, "{last:?}");
        kept = Http1::connect(address).await.expect("open");
        assert_eq!(kept.get(host, "/").await.expect("an answer").echo().backend, "app");
    }
    over.store(true, Ordering::Relaxed);
    assert!(newcomers.await.expect("all were answered") > 0);
}

#[tokio::test]
async fn certificates_rotate_without_a_restart() {
    let port = Port::free();
    let host = "app.example.com";
    let (app, first) = (Backend::named("app").await, Certificate::of(&[host]));
    let site = Site::with(&[], |folder| {
        let listener = manifests::https("https", port.number, "web");
        folder.write("secure.yaml", &manifests::gateway("default/secure", &[listener]));
        folder.write("secret.yaml", &manifests::secret("web", &first));
        let route = manifests::route("app", "default/secure", host, "/", "app");
        folder.write("app.yaml", &(route + &manifests::service("app", app.address)));
    })
    .await;
    site.running.admin.programmed("default/secure").await;
    let shake = async || Secured::connect(port.address(), host, &["http/1.1"]).await;
    let old = shake().await.expect("a handshake");
    assert_eq!(old.certificate(), first.der);
    let mut old = old.http1();

    let second = Certificate::of(&[host]);
    site.folder.replace("secret.yaml", &manifests::secret("web", &second));
    wait::until("the new certificate", async || {
        let shown = shake().await.expect("every handshake succeeds").certificate();
        assert!(shown == first.der || shown == second.der, "neither of both");
        (shown == second.der).then_some(())
    })
    .await;
    let answer = old.get(host, "/").await.expect("a connection outlives its certificate");
    assert_eq!(answer.echo().backend, "app");
}

/// Who answers for the app at a port.
async fn asked(port: &Port) -> Option<String> {
    backend(&once(port.address(), "app.example.com", "/").await.expect("an answer"))
}

/// What is done to the files, and who answers then.
type Edit<'a> = (&'a str, &'a dyn Fn(&Folder), Option<&'a str>);

/// Who answered; none is a 404.
fn backend(answer: &Answer) -> Option<String> {
    match answer.status {
        404 => None,
        _ => Some(answer.echo().backend),
    }
}
