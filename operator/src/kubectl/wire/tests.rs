//! The plugin's types against the committed document.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::*;
use crate::kubectl::money;

fn document() -> Value {
    serde_json::from_str(include_str!("../../../../api-server/openapi.json")).unwrap()
}

/// Which members a sample has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Size {
    /// All that may be there.
    Full,
    /// Those alone that must.
    Least,
}

/// Values that a schema allows; of a choice, one for each of its branches.
fn samples(document: &Value, schema: &Value, size: Size) -> Vec<Value> {
    if let Some(name) = schema["$ref"].as_str() {
        let path = name.trim_start_matches('#');
        return samples(document, document.pointer(path).unwrap(), size);
    }
    if let Some(choices) = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array()) {
        let null = |one: &&Value| one["type"] == "null";
        if size == Size::Least && choices.iter().any(|one| null(&one)) {
            return vec![Value::Null];
        }
        let all = choices.iter().filter(|one| !null(one));
        return all.flat_map(|one| samples(document, one, size)).collect();
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.clone();
    }
    let mut types: Vec<&str> = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    if size == Size::Least && types.contains(&"null") {
        return vec![Value::Null];
    }
    types.retain(|one| *one != "null");
    match types.as_slice() {
        ["string"] => vec![schema.get("example").cloned().unwrap_or(json!("x"))],
        ["integer"] => vec![schema.get("minimum").cloned().unwrap_or(json!(-1))],
        ["boolean"] => vec![json!(true)],
        ["array"] if size == Size::Least => vec![json!([])],
        ["array"] => vec![samples(document, &schema["items"], size).into()],
        ["object"] => object(document, schema, size),
        _ => panic!("no sample of {schema}"),
    }
}

/// One for each sample of the member that has the most.
fn object(document: &Value, schema: &Value, size: Size) -> Vec<Value> {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let members: Vec<(String, Vec<Value>)> = schema["properties"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| size == Size::Full || required.contains(&json!(name)))
        .map(|(name, schema)| (name.clone(), samples(document, schema, size)))
        .collect();
    let most = members.iter().map(|(_, samples)| samples.len()).max().unwrap_or(1);
    let one = |index: usize| {
        let of =
            |(name, all): &(String, Vec<Value>)| (name.clone(), all[index % all.len()].clone());
        Value::Object(members.iter().map(of).collect::<Map<_, _>>())
    };
    (0..most).map(one).collect()
}

/// Everything that a type says of a value stands there too, and is the same.
fn agrees(said: &Value, answered: &Value, place: &str) {
    match (said, answered) {
        (Value::Object(said), Value::Object(answered)) => {
            for (name, value) in said {
                let place = format!("{place}.{name}");
                match answered.get(name) {
                    Some(answered) => agrees(value, answered, &place),
                    None => assert!(value.is_null(), "{place} is not in the document"),
                }
            }
        }
        (Value::Array(said), Value::Array(answered)) => {
            assert_eq!(said.len(), answered.len(), "{place}");
            for (said, answered) in said.iter().zip(answered) {
                agrees(said, answered, place);
            }
        }
        _ => assert_eq!(said, answered, "{place}"),
    }
}

/// Every value that the document allows is read, and what is read of it stands in it.
fn is_documented<T: Serialize + DeserializeOwned>(name: &str) {
    let document = document();
    let schema = &document["components"]["schemas"][name];
    let known = schema["properties"].as_object();
    for size in [Size::Full, Size::Least] {
        for sample in samples(&document, schema, size) {
            let read: T = serde_json::from_value(sample.clone())
                .unwrap_or_else(|error| panic!("{name}: {error}: {sample}"));
            let said = serde_json::to_value(read).unwrap();
            agrees(&said, &sample, name);
            for member in said.as_object().into_iter().flatten().map(|(member, _)| member) {
                assert!(known.is_none_or(|known| known.contains_key(member)), "{name}.{member}");
            }
        }
    }
}

#[test]
fn what_is_read_is_what_the_document_says() {
    is_documented::<MoneyOnWire>("MoneyOnWire");
    is_documented::<PlanVersionOut>("PlanVersionOut");
    is_documented::<PlanStatus>("PlanStatus");
    is_documented::<TakesEffect>("TakesEffect");
    is_documented::<PlanChangeOut>("PlanChangeOut");
    is_documented::<PriceList>("PriceList");
    is_documented::<Plan>("Plan");
    is_documented::<PlanMeter>("PlanMeter");
    is_documented::<PlanPrice>("PlanPrice");
    is_documented::<PlanTier>("PlanTier");
    is_documented::<AccountUsage>("AccountUsage");
    is_documented::<FiguresOut>("FiguresOut");
    is_documented::<UsagePeriodOut>("UsagePeriodOut");
    is_documented::<SubscriptionOut>("SubscriptionOut");
    is_documented::<CostOut>("CostOut");
    is_documented::<CostEdgesOut>("CostEdgesOut");
    is_documented::<Explained>("Explained");
    is_documented::<AsOf>("AsOf");
    is_documented::<PlanOut>("PlanOut");
    is_documented::<BaseOut>("BaseOut");
    is_documented::<LineOut>("LineOut");
    is_documented::<UnchargedOut>("UnchargedOut");
    is_documented::<CorrectedOut>("CorrectedOut");
    is_documented::<FieldError>("FieldError");
    is_documented::<ProblemBody>("ProblemBody");
}

#[test]
#[should_panic(expected = "missing field")]
fn a_member_that_is_not_documented_is_noticed() {
    is_documented::<LineOut>("BaseOut");
}

/// What an operation answers when all is well.
fn answers(method: &str, path: &str) -> String {
    let operation = document()["paths"][path][method].clone();
    assert!(operation.is_object(), "{method} {path} is not in the document");
    let answer = &operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"];
    answer.as_str().unwrap().to_owned()
}

#[test]
fn what_is_asked_is_asked_as_the_document_says() {
    for (method, path, answer) in [
        ("get", "/billing/plans", "PriceList"),
        ("get", "/billing/usage/{account}", "AccountUsage"),
        ("get", "/billing/usage/{account}/explain", "Explained"),
        ("post", "/accounts/{account}/plan", "PlanChangeOut"),
    ] {
        assert_eq!(answers(method, path), format!("#/components/schemas/{answer}"), "{path}");
        let asked = path.replace("{account}", "acme-1");
        let known = [
            money::price_list(),
            money::usage("acme-1"),
            money::bill("acme-1"),
            money::plan("acme-1"),
        ];
        assert!(known.contains(&asked), "{asked} is not what is asked: {known:?}");
    }
    let document = document();
    let schema = &document["components"]["schemas"]["PlanIn"];
    let asked = serde_json::to_value(PlanIn { plan: "team".to_owned(), preview: true }).unwrap();
    for (member, value) in asked.as_object().unwrap() {
        let known = &schema["properties"][member]["type"];
        let type_ = json!(if value.is_boolean() { "boolean" } else { "string" });
        let one_of = known.as_array().is_some_and(|types| types.contains(&type_));
        assert!(one_of || *known == type_, "{member}: {known}");
    }
    let must = schema["required"].as_array().unwrap();
    assert!(must.iter().all(|name| asked.get(name.as_str().unwrap()).is_some()), "{must:?}");
}
