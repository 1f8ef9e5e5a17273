//! The controller on real folders, with the test in the place of the proxy.

use std::{fs, time::Duration};

use ir::Ack;
use tokio::time::timeout;

use super::*;

fn start(folder: &tempfile::TempDir, echo: bool) -> (Controller, Subscription) {
    let roots = vec![folder.path().to_owned()];
    let controller = Controller::start(Options { roots, settings: Settings::default(), echo });
    let subscription = controller.subscribe();
    (controller, subscription)
}

#[tokio::test]
async fn nothing_is_published_before_the_files_were_read() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), GATEWAY).unwrap();
    let (controller, mut subscription) = start(&folder, true);
    // Neither the echo's first word nor a question stands for the files.
    let asked = controller.report().await;
    let first = timeout(DEADLINE, subscription.next()).await.unwrap().unwrap();
    assert!(!first.upserts.is_empty(), "a proxy would be ready with nothing to serve");
    assert!(asked.is_some());
}

#[tokio::test]
async fn a_folder_without_manifests_is_a_state_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let (controller, mut subscription) = start(&folder, false);
    let first = timeout(DEADLINE, subscription.next()).await.unwrap().unwrap();
    assert!(first.upserts.is_empty());
    subscription.answered(Ack { revision: first.revision, ..Ack::default() });
    let mut progress = controller.progress();
    timeout(DEADLINE, progress.wait_for(|now| now.served == first.revision))
        .await
        .unwrap()
        .unwrap();
}

const GATEWAY: &str = "apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gw}
spec:
  gatewayClassName: portcullis
  listeners: [{name: http, port: 80, protocol: HTTP}]
";
const DEADLINE: Duration = Duration::from_secs(10);
