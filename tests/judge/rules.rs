//! The rules that CRDs state: every constraint of every field of every version that is served.

use std::fmt;

use serde_json::Value;

/// One constraint.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) kind: String,
    pub(crate) version: String,
    /// The field: `[]` stands for any item, `{}` for any key.
    pub(crate) path: Vec<String>,
    pub(crate) check: Check,
}

/// What must hold at a field.
#[derive(Clone, Debug)]
pub(crate) enum Check {
    Type(String),
    Format(String),
    /// The last step of the path must be there.
    Required,
    Enum,
    Pattern,
    MinLength(u64),
    MaxLength(u64),
    Minimum(i64),
    Maximum(i64),
    MinItems,
    MaxItems(u64),
    MinProperties,
    MaxProperties(u64),
    /// Items, or their keys, stand there once.
    Unique,
    /// An expression, with what the server says when it does not hold.
    Cel(String),
}

impl Rule {
    /// Whether a complaint of the server is about this rule.
    pub(crate) fn is_told(&self, field: &str, message: &str) -> bool {
        let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
        let fault = match &self.check {
            Check::Type(type_) => says(&[&format!("must be of type {type_}")]),
            Check::Format(_) => says(&["must be of type"]),
            Check::Required => says(&["Required value"]),
            Check::Enum => says(&["Unsupported value"]),
            Check::Pattern => says(&["should match"]),
            Check::MinLength(_) => says(&["should be at least"]),
            Check::MaxLength(_) => says(&["Too long", "may not be more"]),
            Check::Minimum(_) => says(&["greater than"]),
            Check::Maximum(_) => says(&["less than"]),
            Check::MinItems => says(&["should have at least"]),
            Check::MaxItems(_) => says(&["Too many", "must have at most"]),
            Check::MinProperties => says(&["should have at least"]),
            Check::MaxProperties(_) => says(&["Too many", "must have at most"]),
            Check::Unique => says(&["Duplicate value"]),
            Check::Cel(text) => says(&[text]),
        };
        fault && self.is_at(field)
    }

    /// Whether a stricter rule of the same field comes first: the server looks at CEL only when
    /// the schema holds, and there these types are an enum.
    pub(crate) fn is_beyond_reach(&self) -> bool {
        matches!(&self.check, Check::Cel(says) if says.starts_with("type must be one of ["))
    }

    /// Whether the server's `spec.rules[0].name` is this field, or one under it.
    fn is_at(&self, field: &str) -> bool {
        let told = steps(field);
        let own = self.path.iter().map(String::as_str);
        let fits = |(own, told): (&str, &String)| match own {
            "[]" | "{}" => true,
            own => own == told,
        };
        // A wrong value in a list or a map may be told at the list itself.
        let short = told.len() + 1 >= self.path.len();
        short && own.zip(&told).all(fits)
    }
}

fn steps(field: &str) -> Vec<String> {
    let mut steps = Vec::new();
    for part in field.split_inclusive(']').flat_map(|part| part.split_inclusive('[')) {
        match part.strip_suffix(']') {
            Some(inside) => steps.push(inside.to_owned()),
            None => {
                let keys = part.trim_end_matches('[').split('.').filter(|key| !key.is_empty());
                steps.extend(keys.map(str::to_owned));
            }
        }
    }
    steps
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.join(".");
        write!(f, "{}/{} {path}: {:?}", self.kind, self.version, self.check)
    }
}

/// The rules of all served versions.
pub(crate) fn of(definitions: &[Value]) -> Vec<Rule> {
    let mut rules = Vec::new();
    for definition in definitions {
        let kind = definition["spec"]["names"]["kind"].as_str().unwrap_or_default();
        let none = Vec::new();
        let versions = definition["spec"]["versions"].as_array().unwrap_or(&none);
        for version in versions.iter().filter(|version| version["served"] == true) {
            let schema = &version["schema"]["openAPIV3Schema"];
            let name = version["name"].as_str().unwrap_or_default();
            let mut walk = Walk { kind, version: name, rules: &mut rules };
            walk.node(&mut Vec::new(), schema);
        }
    }
    rules
}

struct Walk<'a> {
    kind: &'a str,
    version: &'a str,
    rules: &'a mut Vec<Rule>,
}

impl Walk<'_> {
    fn node(&mut self, path: &mut Vec<String>, schema: &Value) {
        if !path.is_empty() {
            for check in checks(schema) {
                self.rule(path.clone(), check);
            }
        }
        for name in strings(&schema["required"]) {
            let mut path = path.clone();
            path.push(name);
            self.rule(path, Check::Required);
        }
        for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
            let says = rule["message"].as_str().or(rule["rule"].as_str()).unwrap_or_default();
            // The rules about a change of an object need one that is there.
            let text = rule["rule"].as_str().unwrap_or_default();
            if !text.contains("oldSelf") {
                self.rule(path.clone(), Check::Cel(says.to_owned()));
            }
        }
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            let top = path.is_empty();
            if top && ["status", "metadata", "apiVersion", "kind"].contains(&name.as_str()) {
                continue;
            }
            self.under(path, name, member);
        }
        if schema["items"].is_object() {
            self.under(path, "[]", &schema["items"]);
        }
        if schema["additionalProperties"].is_object() {
            self.under(path, "{}", &schema["additionalProperties"]);
        }
    }

    fn under(&mut self, path: &mut Vec<String>, step: &str, schema: &Value) {
        path.push(step.to_owned());
        self.node(path, schema);
        path.pop();
    }

    fn rule(&mut self, path: Vec<String>, check: Check) {
        let (kind, version) = (self.kind.to_owned(), self.version.to_owned());
        self.rules.push(Rule { kind, version, path, check });
    }
}

fn checks(schema: &Value) -> Vec<Check> {
    let mut checks = Vec::new();
    if let Some(type_) = schema["type"].as_str() {
        checks.push(Check::Type(type_.to_owned()));
    }
    // Of the other formats the server asks nothing that an object could lack: int64 holds every
    // number that JSON may have here.
    if let Some(format @ ("int32" | "date-time")) = schema["format"].as_str() {
        checks.push(Check::Format(format.to_owned()));
    }
    if schema["enum"].is_array() {
        checks.push(Check::Enum);
    }
    if schema["pattern"].is_string() {
        checks.push(Check::Pattern);
    }
    let number = |name: &str| schema[name].as_u64();
    checks.extend(number("minLength").filter(|min| *min > 0).map(Check::MinLength));
    checks.extend(number("maxLength").map(Check::MaxLength));
    checks.extend(schema["minimum"].as_i64().map(Check::Minimum));
    checks.extend(schema["maximum"].as_i64().map(Check::Maximum));
    checks.extend(number("minItems").filter(|min| *min > 0).map(|_| Check::MinItems));
    checks.extend(number("maxItems").map(Check::MaxItems));
    checks.extend(number("minProperties").filter(|min| *min > 0).map(|_| Check::MinProperties));
    checks.extend(number("maxProperties").map(Check::MaxProperties));
    if matches!(schema["x-kubernetes-list-type"].as_str(), Some("map" | "set")) {
        checks.push(Check::Unique);
    }
    checks
}

fn strings(list: &Value) -> Vec<String> {
    let texts = list.as_array().into_iter().flatten();
    texts.filter_map(|text| text.as_str().map(str::to_owned)).collect()
}
