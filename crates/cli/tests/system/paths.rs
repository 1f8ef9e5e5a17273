//! The decision table for paths and authorities, byte for byte over real sockets: what is matched
//! is what arrives.

use std::{collections::BTreeMap, fs};

use serde_json::Value;

use crate::stage::{
    admin::documents,
    answer::Answer,
    backend::Backend,
    http1::Http1,
    manifests,
    ports::Offset,
    process::{Folder, Running, repository},
};

#[tokio::test]
async fn what_is_matched_is_what_arrives() {
    let mut platform: String = text("platform.yaml")
        .split("\n---\n")
        .filter(|part| !part.contains("kind: Service\n"))
        .map(|part| format!("{part}\n---\n"))
        .collect();
    let mut backends = BTreeMap::new();
    for name in ["admin", "public", "rest"] {
        let backend = Backend::named(name).await;
        platform += &manifests::service(&format!("site/{name}"), backend.address);
        backends.insert(name, backend);
    }
    let folder = Folder::with("platform.yaml", &platform);
    folder.write("in.yaml", &text("in.yaml"));
    let offset = Offset::of(&[80]);
    let running =
        Running::start(&[folder.path()], &["--port-offset", &offset.number.to_string()]).await;
    running.admin.programmed("site/gateway").await;

    let table = documents(&text("requests.yaml")).remove(0);
    let cases = table["cases"].as_array().expect("cases");
    assert!(cases.len() > 90, "the table is there: {}", cases.len());
    let mut wrong = Vec::new();
    for case in cases {
        let host = case["host"].as_str().or(table["host"].as_str()).expect("a host");
        let target = case["path"].as_str().expect("a path");
        let method = case["method"].as_str().unwrap_or("GET");
        let mut client = Http1::connect(offset.address(80)).await.expect("open");
        let sent = format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\n\r\n");
        let answer = client.exchange(&sent).await;
        let verdict = match &answer {
            Ok(answer) => judge(answer, target, host, &case["expect"]),
            Err(broken) => Err(broken.to_string()),
        };
        if let Err(why) = verdict {
            wrong.push(format!("{method} {target:?} at {host:?}: {why}\n"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.concat());
}

fn judge(answer: &Answer, target: &str, host: &str, expect: &Value) -> Result<(), String> {
    let same = |what: &str, found: &str, wanted: &str| match found == wanted {
        true => Ok(()),
        false => Err(format!("{what} is {found:?} and not {wanted:?}")),
    };
    if let Some(to) = expect["to"].as_str() {
        if answer.status != 200 {
            return Err(format!("{answer:?}"));
        }
        let (echo, forwarded) = (answer.echo(), &expect["forwarded"]);
        same("the backend", &format!("site/{}", echo.backend), to)?;
        same("the path", &echo.target, forwarded["path"].as_str().unwrap_or(target))?;
        return same("the host", &echo.host, forwarded["host"].as_str().unwrap_or(host));
    }
    same("the status", &answer.status.to_string(), &expect["status"].to_string())?;
    for (name, value) in expect["headers"].as_object().into_iter().flatten() {
        same(name, answer.header(name).unwrap_or_default(), value.as_str().unwrap_or_default())?;
    }
    Ok(())
}

fn text(name: &str) -> String {
    let path = repository("fixtures/http_route/paths-and-authorities").join(name);
    fs::read_to_string(path).expect("the fixture")
}
