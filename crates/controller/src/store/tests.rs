//! Edits of files, good and broken.

use std::sync::Arc;

use super::*;
use crate::provider::file::Fault;

fn service(name: &str, port: u16) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: ns}}\n\
         spec: {{ports: [{{port: {port}}}]}}\n---\n"
    )
}

fn edit(store: &mut Store, path: &str, text: &str) -> Vec<String> {
    take(store, path, Content::Text(Arc::from(text)))
}

fn take(store: &mut Store, path: &str, content: Content) -> Vec<String> {
    let changed = store.take(BTreeMap::from([(PathBuf::from(path), content)]));
    changed.iter().map(|key| key.name.name.to_string()).collect()
}

fn port(store: &Store, name: &str) -> Option<u16> {
    Some(store.resources().services.find("ns", name)?.spec.ports.first()?.port)
}

fn messages(store: &Store) -> Vec<String> {
    store.diagnostics().map(|diagnostic| diagnostic.to_string()).collect()
}

#[test]
fn an_edit_touches_only_what_it_changes_and_is_counted() {
    let mut store = Store::default();
    let first = edit(&mut store, "f", &(service("a", 1) + &service("b", 1)));
    assert_eq!(first, ["a", "b"], "{:?}", messages(&store));
    assert_eq!(edit(&mut store, "f", &(service("a", 2) + &service("b", 1))), ["a"]);
    let generation = |store: &Store, name| {
        store.resources().services.find("ns", name).unwrap().metadata.generation
    };
    assert_eq!((generation(&store, "a"), generation(&store, "b")), (Some(2), Some(1)));
    assert_eq!(take(&mut store, "f", Content::Gone), ["a", "b"]);
    assert_eq!(port(&store, "a"), None);
}

#[test]
fn a_spoilt_object_keeps_what_was_last_read_and_its_neighbours_go_on() {
    let mut store = Store::default();
    edit(&mut store, "f", &(service("a", 1) + &service("b", 1)));
    let spoilt = service("a", 2).replace("ports", "prots");
    assert_eq!(edit(&mut store, "f", &(spoilt + &service("b", 3))), ["b"]);
    assert_eq!((port(&store, "a"), port(&store, "b")), (Some(1), Some(3)));
    let messages = messages(&store);
    assert!(messages.iter().all(|text| text.contains("Service ns/a")), "{messages:?}");
    assert!(messages.iter().any(|text| text.ends_with("keeps serving")), "{messages:?}");
}

#[test]
fn a_kind_or_name_that_cannot_be_told_takes_nothing_away() {
    for (right, wrong) in [
        ("kind: Service", "kind: Servcie"),
        ("kind: Service", "kinds: Service"),
        ("apiVersion: v1", "apiversion: v1"),
        ("name: a,", "nmae: a,"),
        ("metadata", "metdata"),
        ("namespace", "namespce"),
    ] {
        let mut store = Store::default();
        edit(&mut store, "f", &(service("a", 1) + &service("b", 1)));
        let spoilt = service("a", 2).replace(right, wrong);
        assert_eq!(edit(&mut store, "f", &(spoilt + &service("b", 3))), ["b"], "{wrong}");
        assert_eq!((port(&store, "a"), port(&store, "b")), (Some(1), Some(3)), "{wrong}");
        let messages = messages(&store);
        assert!(messages.iter().any(|text| text.ends_with("keeps serving")), "{messages:?}");
    }
}

#[test]
fn a_spoilt_object_keeps_no_other_that_is_taken_out() {
    for wrong in [("ports", "prots"), ("kind: Service", "kind: Servcie")] {
        let mut store = Store::default();
        edit(&mut store, "f", &(service("a", 1) + &service("b", 1)));
        let spoilt = service("a", 2).replace(wrong.0, wrong.1);
        assert_eq!(edit(&mut store, "f", &spoilt), ["b"], "{wrong:?}");
        assert_eq!((port(&store, "a"), port(&store, "b")), (Some(1), None), "{wrong:?}");
    }
}

#[test]
fn text_that_is_no_yaml_takes_nothing_away() {
    let mut store = Store::default();
    edit(&mut store, "f", &(service("a", 1) + &service("b", 1)));
    assert_eq!(edit(&mut store, "f", "a: [\n"), [""; 0]);
    assert_eq!((port(&store, "a"), port(&store, "b")), (Some(1), Some(1)));
    assert_eq!(messages(&store).len(), 1);
    assert_eq!(edit(&mut store, "f", &service("a", 1)), ["b"], "mended, and b really removed");
    assert_eq!(messages(&store), [""; 0]);
}

#[test]
fn text_that_is_cut_off_takes_nothing_away() {
    let mut store = Store::default();
    let whole: String = ["a", "b", "c"].iter().map(|name| service(name, 1)).collect();
    edit(&mut store, "f", &whole);
    let next = whole.replace("port: 1", "port: 2");
    assert_ne!(next, whole);
    let cut = next.match_indices("port").nth(2).unwrap().0;
    assert_eq!(edit(&mut store, "f", &(next[..cut].to_owned() + "{")), ["a"]);
    let ports = ["a", "b", "c"].map(|name| port(&store, name));
    assert_eq!(ports, [Some(2), Some(1), Some(1)]);
    assert_eq!(edit(&mut store, "f", &next), ["b", "c"]);
    assert_eq!(messages(&store), [""; 0]);
}

#[test]
fn of_two_places_the_first_counts_and_the_second_is_named_with_both() {
    let mut store = Store::default();
    edit(&mut store, "2.yaml", &service("a", 2));
    assert_eq!(edit(&mut store, "1.yaml", &service("a", 1)), ["a"]);
    assert_eq!(port(&store, "a"), Some(1));
    let message = messages(&store).pop().unwrap();
    assert!(message.starts_with("2.yaml:1") && message.contains("1.yaml:1"), "{message}");
    take(&mut store, "1.yaml", Content::Gone);
    assert_eq!(port(&store, "a"), Some(2));
    assert_eq!(messages(&store), [""; 0]);
}

#[test]
fn a_file_that_cannot_be_read_keeps_what_it_said() {
    let mut store = Store::default();
    edit(&mut store, "f", &service("a", 1));
    let fault = Content::Unreadable(Fault("permission denied".into()));
    assert_eq!(take(&mut store, "f", fault), [""; 0]);
    assert_eq!(port(&store, "a"), Some(1));
    assert!(messages(&store)[0].contains("permission denied"));
}

#[test]
fn echoes_stand_in_only_for_services_without_an_address() {
    let mut store = Store::default();
    let slice = "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
        metadata: {name: b-1, namespace: ns, labels: {kubernetes.io/service-name: b}}\n\
        addressType: IPv4\nendpoints: [{addresses: [10.0.0.1]}]\nports: [{port: 80}]\n";
    edit(&mut store, "f", &(service("a", 1) + &service("b", 1) + slice));
    let lonely: Vec<_> = store.lonely().into_keys().map(|name| name.name.to_string()).collect();
    assert_eq!(lonely, ["a"]);
    let echo =
        manifest::parse("echo", &slice.replace("b-1", "a-echo").replace("name: b}", "name: a}"));
    let Object::EndpointSlice(echo) = echo.objects[0].value.clone() else { panic!("no slice") };
    assert_eq!(store.take_echoes(vec![(*echo).clone()]).len(), 1);
    assert_eq!(store.take_echoes(vec![(*echo).clone()]).len(), 0, "equal is silence");
    assert_eq!(store.lonely().len(), 1, "an echo is no address of its own");
    assert_eq!(store.take_echoes(Vec::new()).len(), 1);
    assert!(
        store
            .resources()
            .endpoint_slices
            .of_service(&NamespacedName::new("ns", "a"))
            .next()
            .is_none()
    );
}
