//! Many routes: they load, and the last one answers like the first.

use std::{fmt::Write as _, time::Instant};

use crate::stage::{
    site::{GATEWAY, Site},
    wait,
};

#[tokio::test]
async fn ten_thousand_routes_load_and_the_last_one_answers() {
    let mut text = String::new();
    for number in 0..ROUTES {
        let (host, path) = (number / 10, number % 10);
        let (_, gateway) = GATEWAY.split_once('/').expect("a name");
        let _ = write!(
            text,
            "apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: route-{number}}}
spec:
  parentRefs: [{{name: {gateway}}}]
  hostnames: [host-{host}.example.com]
  rules:
    - matches: [{{path: {{type: PathPrefix, value: /path-{path}}}}}]
      backendRefs: [{{name: steady, port: 80}}]
---
"
        );
    }
    let started = Instant::now();
    let site = Site::with(&[], |folder| folder.write("routes.yaml", &text)).await;
    let ready = started.elapsed();
    let last = ROUTES - 1;
    for number in [0, ROUTES / 2, last] {
        let host = format!("host-{}.example.com", number / 10);
        let target = format!("/path-{}/x", number % 10);
        assert_eq!(site.get(&host, &target).await.echo().target, target);
        assert_eq!(site.get(&host, "/path-x").await.status, 404);
    }
    println!("{ROUTES} routes: served {:.2} s after the start", ready.as_secs_f64());

    let edited = Instant::now();
    site.folder.write("routes.yaml", &text.replace("/path-9", "/moved-9"));
    let host = format!("host-{}.example.com", last / 10);
    wait::until("the edit of a file with all of them", async || {
        (site.get(&host, "/moved-9").await.status == 200).then_some(())
    })
    .await;
    println!("an edit of 1000 of them: served after {:.2} s", edited.elapsed().as_secs_f64());
}

const ROUTES: usize = 10_000;
