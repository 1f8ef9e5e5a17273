//! Whatever is edited in whatever order: the incremental translation equals the one from nothing,
//! and names every change that it makes.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::collections::BTreeSet;

use api::{
    condition::{Condition, ConditionStatus},
    kind::{Kind, ObjectKey},
    meta::NamespacedName,
    object::{Object, Resource},
    resources::Resources,
};
use ir::{BindFailure, BindFault, Snapshot};
use portcullis_translate::{
    ObjectStatus, Observations, Published, Settings, Step, Translator, translate,
};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof};

mod world;

/// One thing that happens.
#[derive(Clone, Debug)]
enum Edit {
    /// The object is there in this variant, with this generation.
    Put(usize, i64),
    /// The object of this variant is gone.
    Drop(usize),
    /// The proxy has everything, but for every so-manyth bind.
    Observe(usize),
    /// What a Gateway needs cannot be made, or can again.
    Fault(bool),
}

fn edits(variants: usize) -> impl Strategy<Value = Vec<Vec<Edit>>> {
    let put = |(variant, generation)| Edit::Put(variant, generation);
    let edit = prop_oneof![
        6 => (0..variants, 1..4_i64).prop_map(put),
        2 => (0..variants).prop_map(Edit::Drop),
        1 => (1..4_usize).prop_map(Edit::Observe),
        1 => any::<bool>().prop_map(Edit::Fault),
    ];
    prop::collection::vec(prop::collection::vec(edit, 1..6), 1..24)
}

fn settings() -> impl Strategy<Value = Settings> {
    let pool = prop_oneof![
        Just(None),
        Just(Some("127.1.0.0/16".parse().expect("a network"))),
        Just(Some("127.1.0.4/31".parse().expect("a network"))),
    ];
    let machine = pool.prop_map(Settings::standalone);
    prop_oneof![1 => machine, 1 => Just(Settings::cluster())]
}

proptest::proptest! {
    #![proptest_config(ProptestConfig {
        cases: 128,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn incremental_equals_from_nothing(
        batches in edits(world::variants().len()),
        settings in settings(),
        everything in any::<bool>(),
    ) {
        let mut translator = Translator::new(settings.clone());
        let mut resources = Resources::default();
        // Half of the runs start with everything there, since an empty world hides much.
        let mut first = BTreeSet::new();
        if everything {
            for object in world::variants() {
                first.insert(object.key());
                resources.apply(object.clone());
            }
        }
        let mut observations = Observations::default();
        let mut wanted = BTreeSet::new();
        let step = translator.update(&resources, &observations, &first);
        follow(&mut wanted, step.changed_wanted);
        for batch in batches {
            let before = translator.output().clone();
            let mut changed = BTreeSet::new();
            for edit in &batch {
                apply(edit, &translator, &mut resources, &mut observations, &mut changed);
            }
            let step = translator.update(&resources, &observations, &changed);
            let after = translator.output();
            assert_eq!(*after, translate(&resources, &observations, &settings), "{batch:?}");
            let whole = ir::diff(1, &before.ir, &after.ir, None);
            let named = ir::diff(1, &before.ir, &after.ir, Some(&step.changed_keys));
            assert_eq!(sorted(whole), sorted(named), "a change is not named");
            for (object, status) in before.status.iter().chain(after.status.iter()) {
                let same = before.status.get(object) == after.status.get(object);
                assert!(same || step.changed_status.contains(object), "{object}: {status:?}");
            }
            for (gateway, infra) in before.infra.iter().chain(&after.infra) {
                let same = before.infra.get(gateway) == after.infra.get(gateway);
                assert!(same || step.changed_infra.contains(gateway), "{infra:?}");
                assert!(infra.frozen || !infra.ports.is_empty(), "{infra:?}");
            }
            assert_whole(&after.ir);
            follow(&mut wanted, step.changed_wanted);
            assert_eq!(wanted, named_by(&translator), "a wish is not named");
            let lean = only(&wanted, &resources);
            assert_eq!(*after, translate(&lean, &observations, &settings), "{wanted:?}");
        }
    }
}

/// Takes in what is wanted newly or no more.
fn follow(wanted: &mut BTreeSet<ObjectKey>, changed: BTreeSet<ObjectKey>) {
    *wanted = wanted.symmetric_difference(&changed).cloned().collect();
}

fn named_by(translator: &Translator) -> BTreeSet<ObjectKey> {
    let of = |kind| translator.wanted(kind).map(move |name| ObjectKey { kind, name: name.clone() });
    of(Kind::Secret).chain(of(Kind::ConfigMap)).collect()
}

/// The resources without the Secrets and ConfigMaps that nobody wants.
fn only(wanted: &BTreeSet<ObjectKey>, resources: &Resources) -> Resources {
    let mut lean = resources.clone();
    for key in resources.objects().map(|object| object.key()) {
        if matches!(key.kind, Kind::Secret | Kind::ConfigMap) && !wanted.contains(&key) {
            lean.remove(&key);
        }
    }
    lean
}

fn apply(
    edit: &Edit,
    translator: &Translator,
    resources: &mut Resources,
    observations: &mut Observations,
    changed: &mut BTreeSet<ObjectKey>,
) {
    match edit {
        Edit::Put(variant, generation) => {
            let mut object = world::variants()[*variant].clone();
            world::set_generation(&mut object, *generation);
            changed.insert(object.key());
            resources.apply(object);
        }
        Edit::Drop(variant) => {
            let key = world::variants()[*variant].key();
            resources.remove(&key);
            changed.insert(key);
        }
        Edit::Fault(there) => {
            let name = NamespacedName::new("edge", "one");
            observations.provision_fault(name, there.then(|| "no room".to_owned()));
        }
        Edit::Observe(every) => {
            let published = translator.output().published();
            serve(&published, observations);
            for (bind, value) in translator.output().ir.binds.iter().step_by(*every) {
                let (namespace, name) = value.gateway.split_once('/').unwrap();
                let gateway = NamespacedName::new(namespace, name);
                let mut served = published.served(&gateway).unwrap();
                served.complain(&ir::Ack { closed: vec![in_use(bind)], ..ir::Ack::default() });
                observations.gateway(gateway, Some(served));
            }
        }
    }
}

/// Every Gateway is served as published, and no other.
fn serve(published: &Published, observations: &mut Observations) -> bool {
    let known: Vec<_> = observations.gateways().cloned().collect();
    let all: BTreeSet<_> = known.into_iter().chain(published.gateways().cloned()).collect();
    let news = all.into_iter().map(|name| {
        let served = published.served(&name);
        observations.gateway(name, served)
    });
    news.fold(false, |any, news| any | news)
}

fn in_use(bind: &ir::Id<ir::Bind>) -> BindFailure {
    BindFailure { bind: bind.clone(), fault: BindFault::InUse, message: "taken".into() }
}

fn sorted(mut delta: ir::Delta) -> ir::Delta {
    delta.upserts.sort_by(|a, b| a.key.cmp(&b.key));
    delta.removals.sort();
    delta
}

/// Nothing in a snapshot refers to something that is not in it.
fn assert_whole(ir: &Snapshot) {
    for listener in ir.listeners.values() {
        assert!(ir.binds.contains_key(&listener.bind));
        let ir::Protocol::Https(tls) = &listener.protocol else { continue };
        assert!(tls.certificates.iter().all(|id| ir.certificates.contains_key(id)));
        let trust = tls.client_validation.iter().flat_map(|validation| &validation.trust);
        assert!(trust.into_iter().all(|id| ir.trust_bundles.contains_key(id)));
    }
    for route in ir.routes.values() {
        assert!(route.listeners.iter().all(|id| ir.listeners.contains_key(id)));
    }
    let mut named = BTreeSet::new();
    let mut name = |choice: &ir::BackendChoice| {
        if let ir::BackendChoice::Valid(id) = choice {
            named.insert(id.clone());
        }
    };
    for rule in ir.rules.values() {
        assert!(ir.routes.contains_key(&rule.route));
        let own = rule.filters.iter();
        for filter in own.chain(rule.backends.iter().flat_map(|share| &share.filters)) {
            if let ir::Filter::Mirror(mirror) = filter {
                name(&mirror.backend);
            }
        }
        rule.backends.iter().for_each(|share| name(&share.backend));
    }
    assert_eq!(named, ir.backends.keys().cloned().collect(), "backends are those that rules name");
    for backend in ir.backends.values() {
        if let ir::Target::Endpoints(id) = &backend.target {
            assert!(ir.endpoints.contains_key(id));
        }
    }
}

/// Puts everything there, then changes one object.
fn after(edit: impl FnOnce(&mut Resources) -> ObjectKey) -> (Step, Translator) {
    let mut resources = Resources::default();
    for object in world::manifest("steady") {
        resources.apply(object);
    }
    let everything = resources.objects().map(|object| object.key()).collect();
    let mut translator = Translator::new(Settings::default());
    let observations = Observations::all_open();
    translator.update(&resources, &observations, &everything);
    let key = edit(&mut resources);
    let step = translator.update(&resources, &observations, &BTreeSet::from([key]));
    (step, translator)
}

fn names(step: &Step) -> Vec<String> {
    let keys = step.changed_keys.iter().map(ToString::to_string);
    keys.chain(step.changed_status.iter().map(|object| format!("status {object}"))).collect()
}

#[test]
fn a_new_endpoint_changes_the_endpoints_and_nothing_else() {
    let (step, _) = after(|resources| {
        let name = NamespacedName::new("apps", "web-1");
        let mut slice = (**resources.endpoint_slices.get(&name).unwrap()).clone();
        slice.endpoints.truncate(1);
        let key = slice.key();
        resources.apply(slice.into());
        key
    });
    assert_eq!(names(&step), ["Endpoints apps/web/80"]);
}

#[test]
fn an_edit_of_a_route_changes_its_rule_and_no_other() {
    let (step, _) = after(|resources| {
        let name = NamespacedName::new("apps", "one");
        let mut route = (**resources.http_routes.get(&name).unwrap()).clone();
        route.spec.rules[0].backend_refs[0].backend_ref.weight = 7;
        let key = route.key();
        resources.apply(route.into());
        key
    });
    assert_eq!(names(&step), ["Rule HTTPRoute/apps/one/0"]);
}

#[test]
fn a_renewed_certificate_changes_no_listener_and_no_route() {
    let (step, _) = after(|resources| {
        let name = NamespacedName::new("edge", "cert");
        let renewed = world::manifest("renewed").into_iter().next().unwrap();
        assert_eq!(renewed.key(), ObjectKey { kind: Kind::Secret, name });
        let key = renewed.key();
        resources.apply(renewed);
        key
    });
    assert_eq!(names(&step), ["Certificate edge/cert"]);
}

#[test]
fn a_removed_route_takes_its_own_things_with_it() {
    let (step, translator) = after(|resources| {
        let key = ObjectKey { kind: Kind::HTTPRoute, name: NamespacedName::new("apps", "one") };
        resources.remove(&key).map(|object: Object| object.key()).unwrap()
    });
    let expected = [
        "Route HTTPRoute/apps/one",
        "Rule HTTPRoute/apps/one/0",
        "status Gateway edge/gw",
        "status HTTPRoute apps/one",
    ];
    assert_eq!(names(&step), expected);
    assert_eq!(translator.output().ir.routes.len(), 1);
}

/// What the Gateway's `Programmed` says: its status and reason.
fn programmed(translator: &Translator) -> (ConditionStatus, String) {
    let key = ObjectKey { kind: Kind::Gateway, name: NamespacedName::new("edge", "gw") };
    let Some(ObjectStatus::Gateway(status)) = translator.output().status.get(&key) else {
        return (ConditionStatus::Unknown, "no status".to_owned());
    };
    let of_type = |condition: &&Condition| condition.type_ == "Programmed";
    let condition = status.conditions.iter().find(of_type).unwrap();
    (condition.status, condition.reason.clone())
}

#[test]
fn a_gateway_is_programmed_when_a_proxy_has_this_generation_and_every_socket() {
    let pending = (ConditionStatus::False, "Pending".to_owned());
    let done = (ConditionStatus::True, "Programmed".to_owned());
    let mut resources = Resources::default();
    for object in world::manifest("steady") {
        resources.apply(object);
    }
    let everything = resources.objects().map(|object| object.key()).collect();
    let mut translator = Translator::new(Settings::default());
    let mut observations = Observations::default();
    translator.update(&resources, &observations, &everything);
    assert_eq!(programmed(&translator), pending);

    assert!(serve(&translator.output().published(), &mut observations));
    translator.update(&resources, &observations, &BTreeSet::new());
    assert_eq!(programmed(&translator), done);

    let name = NamespacedName::new("edge", "gw");
    let mut gateway = (**resources.gateways.get(&name).unwrap()).clone();
    let key = gateway.key();
    gateway.metadata.generation = Some(1);
    resources.apply(gateway.clone().into());
    translator.update(&resources, &observations, &BTreeSet::from([key.clone()]));
    assert_eq!(programmed(&translator), pending, "a new generation");

    assert!(serve(&translator.output().published(), &mut observations));
    translator.update(&resources, &observations, &BTreeSet::new());
    assert_eq!(programmed(&translator), done);

    gateway.spec.listeners[0].port = 8080;
    resources.apply(gateway.into());
    translator.update(&resources, &observations, &BTreeSet::from([key]));
    assert_eq!(programmed(&translator), pending, "a new socket, though nobody counted");

    let bind = translator.output().ir.binds.keys().next().unwrap().clone();
    assert!(serve(&translator.output().published(), &mut observations));
    let mut served = translator.output().published().served(&name).unwrap();
    served.complain(&ir::Ack { closed: vec![in_use(&bind)], ..ir::Ack::default() });
    observations.gateway(name, Some(served));
    translator.update(&resources, &observations, &BTreeSet::new());
    let unusable = (ConditionStatus::False, "AddressNotUsable".to_owned());
    assert_eq!(programmed(&translator), unusable);
}
