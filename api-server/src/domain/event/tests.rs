use proptest::prelude::*;
use serde_json::json;

use super::*;

const NOW: &str = "2026-11-23T12:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn sample() -> Value {
    json!({
        "specversion": "1.0", "id": "e-17", "source": "/core",
        "type": "dev.tenantry.usage.ingestion", "subject": "acme",
        "time": "2026-11-22T23:50:16Z", "data": {"quantity": "12.5"},
    })
}

fn take(event: &Value) -> Result<UsageEvent, Rejected> {
    let account: AccountId = "acme".parse().unwrap();
    read(event.as_object().unwrap(), Context { account: &account, now: at(NOW) })
}

/// The sample with one member replaced (`null` takes it out).
fn with(name: &str, value: Value) -> Value {
    let mut event = sample();
    event[name] = value;
    event
}

/// The only refusal of an event: its code and pointer. Every refusal must say something.
fn refusal(event: &Value) -> (&'static str, String) {
    let rejected = take(event).unwrap_err();
    let [only] = rejected.refusals.as_slice() else { panic!("{rejected:?}") };
    assert!(only.detail.len() > 20, "{only:?}");
    (only.code.name(), only.pointer.clone())
}

fn is(code: &'static str, pointer: &str) -> (&'static str, String) {
    (code, pointer.to_owned())
}

#[test]
fn a_complete_event_is_read_whole() {
    let event = take(&sample()).unwrap();
    assert_eq!(event.account.as_str(), "acme");
    assert_eq!((event.source.as_str(), event.id.as_str()), ("/core", "e-17"));
    assert_eq!((event.meter, event.quantity.micros()), (Meter::Ingestion, 12_500_000));
    assert_eq!(event.time, at("2026-11-22T23:50:16Z"));
    assert!(event.dims.is_empty());
}

#[test]
fn what_is_optional_may_be_absent_or_null() {
    for name in ["subject", "datacontenttype", "dataschema", "data_base64", "region"] {
        assert_eq!(take(&with(name, Value::Null)), take(&sample()), "{name}");
    }
    let stock = with("datacontenttype", json!("application/json; charset=utf-8"));
    assert_eq!(take(&stock), take(&sample()));
}

#[test]
fn what_is_required_is_named_when_missing() {
    for name in ["specversion", "id", "source", "type", "time", "data"] {
        assert_eq!(refusal(&with(name, Value::Null)), is("missing", &format!("/{name}")));
    }
    assert_eq!(refusal(&with("data", json!({}))), is("missing", "/data/quantity"));
    assert_eq!(refusal(&with("data", json!({"quantity": null}))), is("missing", "/data/quantity"));
}

#[test]
fn what_must_be_a_text_is_refused_as_anything_else() {
    for name in ["specversion", "id", "source", "type", "time"] {
        for value in [json!(1), json!(true), json!(["1.0"]), json!({})] {
            assert_eq!(refusal(&with(name, value)), is("wrong_type", &format!("/{name}")));
        }
        assert_eq!(refusal(&with(name, json!(""))), is("empty", &format!("/{name}")));
    }
}

#[test]
fn names_are_taken_up_to_their_limit_and_not_beyond() {
    for name in ["id", "source"] {
        let pointer = format!("/{name}");
        assert!(take(&with(name, json!("x".repeat(MAX_NAME_BYTES)))).is_ok());
        let long = with(name, json!("x".repeat(MAX_NAME_BYTES + 1)));
        assert_eq!(refusal(&long), is("too_long", &pointer));
        let long = with(name, json!("ä".repeat(MAX_NAME_BYTES / 2 + 1)));
        assert_eq!(refusal(&long), is("too_long", &pointer));
        for text in ["a\0b", "a\nb", "\u{7f}", "\u{85}"] {
            assert_eq!(refusal(&with(name, json!(text))), is("bad_character", &pointer));
        }
    }
    assert!(take(&with("id", json!("two words, and ünïcode"))).is_ok());
    assert_eq!(refusal(&with("source", json!("two words"))), is("bad_character", "/source"));
    assert_eq!(refusal(&with("source", json!("/billing/corrections"))), is("reserved", "/source"));
}

#[test]
fn another_version_of_cloudevents_is_refused() {
    for version in ["0.3", "1", "1.1", " 1.0"] {
        let found = refusal(&with("specversion", json!(version)));
        assert_eq!(found, is("unknown_specversion", "/specversion"));
    }
}

#[test]
fn a_type_that_names_no_meter_is_answered_with_those_that_do() {
    for text in ["ingestion", "dev.tenantry.usage.cpu", "DEV.TENANTRY.USAGE.INGESTION"] {
        assert_eq!(refusal(&with("type", json!(text))), is("unknown_type", "/type"));
    }
    let detail = &take(&with("type", json!("x"))).unwrap_err().refusals[0].detail;
    assert!(detail.contains("dev.tenantry.usage.agents"), "{detail}");
}

#[test]
fn a_quantity_is_an_exact_decimal() {
    let micros = |quantity: Value| {
        take(&with("data", json!({"quantity": quantity}))).unwrap().quantity.micros()
    };
    assert_eq!(micros(json!("0.000001")), 1);
    assert_eq!(micros(json!("0")), 0);
    assert_eq!(micros(json!(7)), 7_000_000);
    assert_eq!(micros(json!("1000000000")), MAX_QUANTITY.micros());
    let code = |quantity: Value| refusal(&with("data", json!({"quantity": quantity})));
    let at = |code| is(code, "/data/quantity");
    assert_eq!(code(json!(12.5)), at("float_quantity"));
    assert_eq!(code(json!(1.0)), at("float_quantity"));
    assert_eq!(code(json!("0.0000001")), at("bad_quantity"));
    for text in ["", "+1", "1e3", "1,5", " 1", "NaN", "0x10", "٣", "99999999999999999999"] {
        assert_eq!(code(json!(text)), at("bad_quantity"), "{text:?}");
    }
    assert_eq!(micros(json!(format!("{:0>64}", "1"))), 1_000_000);
    assert_eq!(code(json!(format!("{:0>65}", "1"))), at("bad_quantity"));
    assert_eq!(code(json!("-0.1")), at("negative_quantity"));
    assert_eq!(code(json!(-1)), at("negative_quantity"));
    assert_eq!(code(json!("1000000000.000001")), at("quantity_too_large"));
    assert_eq!(code(json!(u64::MAX)), at("quantity_too_large"));
    assert_eq!(code(json!(true)), at("wrong_type"));
    assert_eq!(code(json!(["1"])), at("wrong_type"));
}

#[test]
fn data_is_a_json_object_with_a_quantity_alone() {
    assert_eq!(refusal(&with("data", json!("12.5"))), is("wrong_type", "/data"));
    assert_eq!(refusal(&with("data", json!([]))), is("wrong_type", "/data"));
    assert_eq!(refusal(&with("data_base64", json!("e30="))), is("data_not_json", "/data_base64"));
    for kind in [json!("text/plain"), json!("application/xml"), json!(1)] {
        let found = refusal(&with("datacontenttype", kind));
        assert_eq!(found, is("data_not_json", "/datacontenttype"));
    }
    let typo = with("data", json!({"quantity": "1", "re~g/ion": "eu"}));
    assert_eq!(refusal(&typo), is("unknown_member", "/data/re~0g~1ion"));
}

#[test]
fn a_time_is_an_rfc_3339_instant() {
    let time = |text: &str| take(&with("time", json!(text))).map(|event| event.time);
    assert_eq!(time("2026-11-23T00:50:16+01:00"), Ok(at("2026-11-22T23:50:16Z")));
    assert_eq!(time("2026-11-22t23:50:16z"), Ok(at("2026-11-22T23:50:16Z")));
    assert_eq!(time("2026-11-22T23:50:16.1239Z"), Ok(at("2026-11-22T23:50:16.123Z")));
    for text in [
        "2026-11-22",
        "2026-11-22 23:50:16Z",
        "2026-11-22T23:50Z",
        "2026-11-22T23:50:16",
        "2026-11-22T23:50:16.Z",
        "2026-11-22T23:50:16.0123456789Z",
        "2026-11-22T23:50:16+0100",
        "2026-11-22T23:50:16Z[UTC]",
        "2026-11-31T23:50:16Z",
        "2026-11-22T25:50:16Z",
        "+002026-11-22T23:50:16Z",
        "1763855416",
        "yesterday",
    ] {
        assert_eq!(refusal(&with("time", json!(text))), is("bad_time", "/time"), "{text}");
    }
}

#[test]
fn a_time_may_be_a_day_ahead_and_not_more() {
    assert!(take(&with("time", json!("2026-11-24T12:00:00Z"))).is_ok());
    let late = with("time", json!("2026-11-24T12:00:00.001Z"));
    assert_eq!(refusal(&late), is("time_in_future", "/time"));
    let far = with("time", json!("9999-12-30T12:00:00Z"));
    assert_eq!(refusal(&far), is("time_in_future", "/time"));
}

#[test]
fn a_time_may_be_as_old_as_repeats_are_known() {
    assert!(take(&with("time", json!("2026-10-02T00:00:00Z"))).is_ok());
    let old = with("time", json!("2026-10-01T23:59:59.999Z"));
    assert_eq!(refusal(&old), is("time_too_old", "/time"));
    let ancient = with("time", json!("0001-01-01T00:00:00Z"));
    assert_eq!(refusal(&ancient), is("time_too_old", "/time"));
}

#[test]
fn the_oldest_time_moves_with_the_month_of_arrival() {
    for (now, oldest) in [
        ("2026-11-30T23:59:59Z", "2026-10-02T00:00:00Z"),
        ("2026-12-01T00:00:00Z", "2026-11-02T00:00:00Z"),
        ("2027-01-15T00:00:00Z", "2026-12-02T00:00:00Z"),
        ("2028-03-31T00:00:00Z", "2028-02-02T00:00:00Z"),
    ] {
        assert_eq!(oldest_time(at(now)), at(oldest));
    }
    assert!(oldest_time(Timestamp::MIN) <= oldest_time(Timestamp::MAX));
}

proptest! {
    /// The promise behind the window: whatever is taken at `now` cannot have been taken before the
    /// start of the previous month, so its key is still there.
    #[test]
    fn nothing_is_taken_that_could_have_outlived_its_key(
        now in 1_700_000_000_i64..2_000_000_000, age in 0_i64..8_000_000,
    ) {
        let now = Timestamp::from_second(now).unwrap();
        let time = now - SignedDuration::from_secs(age);
        prop_assume!(time >= oldest_time(now));
        let earliest_arrival = Offset::UTC.to_datetime(time - MAX_SKEW).date();
        let this_month = Offset::UTC.to_datetime(now).date().first_of_month();
        prop_assert!(earliest_arrival >= this_month.yesterday().unwrap().first_of_month());
    }
}

#[test]
fn the_subject_is_the_tokens_account_or_absent() {
    for subject in [json!("borealis"), json!(""), json!("ACME"), json!(["acme"]), json!(1)] {
        assert_eq!(refusal(&with("subject", subject)), is("subject_mismatch", "/subject"));
    }
}

#[test]
fn extension_attributes_become_dimensions_as_texts() {
    let mut event = sample();
    event["region"] = json!("eu-central");
    event["tries"] = json!(-3);
    event["cold"] = json!(true);
    let dims = take(&event).unwrap().dims;
    let expected = [("cold", "true"), ("region", "eu-central"), ("tries", "-3")];
    assert_eq!(dims.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect::<Vec<_>>(), expected);
}

#[test]
fn what_belongs_to_a_delivery_is_no_dimension() {
    let mut event = sample();
    event["traceparent"] = json!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    event["tracestate"] = json!("a=b");
    event["dataschema"] = json!("https://example.com/schema");
    assert_eq!(take(&event), take(&sample()));
}

#[test]
fn dimensions_have_bounds() {
    let mut full = sample();
    for n in 0..MAX_DIMS {
        full[format!("d{n}")] = json!("x");
    }
    assert_eq!(take(&full).unwrap().dims.len(), MAX_DIMS);
    full["more"] = json!("x");
    assert_eq!(refusal(&full), is("too_many_attributes", ""));

    for name in ["", "Region", "my-region", "a_b", "ä"] {
        let code = refusal(&with(name, json!("x"))).0;
        assert_eq!(code, "bad_attribute_name", "{name:?}");
    }
    let long = "n".repeat(MAX_DIM_NAME_BYTES + 1);
    assert_eq!(refusal(&with(&long, json!("x"))).0, "bad_attribute_name");
    assert!(take(&with("region", json!("v".repeat(MAX_DIM_VALUE_BYTES)))).is_ok());
    let long = with("region", json!("v".repeat(MAX_DIM_VALUE_BYTES + 1)));
    assert_eq!(refusal(&long), is("too_long", "/region"));
    assert_eq!(refusal(&with("region", json!("a\tb"))), is("bad_character", "/region"));
    for value in [json!(1.5), json!([]), json!({})] {
        assert_eq!(refusal(&with("region", value)), is("wrong_type", "/region"));
    }
}

#[test]
fn every_fault_of_an_event_is_told_at_once() {
    let rejected = take(&json!({"id": "e-1", "data": {"quantity": -1}, "Bad": 1})).unwrap_err();
    assert_eq!((rejected.id.as_deref(), rejected.source), (Some("e-1"), None));
    let codes: Vec<_> = rejected.refusals.iter().map(|r| r.pointer.as_str()).collect();
    assert_eq!(codes, ["/specversion", "/source", "/type", "/time", "/data/quantity", "/Bad"]);
}

#[test]
fn a_missing_time_is_stamped_once() {
    let now = "2026-11-23T12:00:00.123456789Z".parse().unwrap();
    for keep_null in [true, false] {
        let mut members = with("time", Value::Null).as_object().unwrap().clone();
        members.retain(|_, value| keep_null || !value.is_null());
        assert!(stamp(&mut members, now));
        assert_eq!(members["time"], "2026-11-23T12:00:00.123Z");
        let before = members.clone();
        assert!(!stamp(&mut members, at(NOW)));
        assert_eq!(members, before);
    }
    // One that cannot be read is refused, not replaced.
    let mut members = with("time", json!("yesterday")).as_object().unwrap().clone();
    assert!(!stamp(&mut members, now));
}

proptest! {
    /// What is written of an event is read as the same event, whatever it holds.
    #[test]
    fn what_is_written_is_read_again(
        id in "[!-~é]{1,60}",
        source in "/[!-~é]{0,60}",
        micros in 0..=MAX_QUANTITY.micros(),
        before_ms in 0_i64..2_000_000_000,
        meter in 0..Meter::ALL.len(),
        names in proptest::collection::btree_map("x[a-z0-9]{1,20}", "[ -~é]{1,60}", 0..5),
    ) {
        let account: AccountId = "acme".parse().unwrap();
        let context = Context { account: &account, now: at(NOW) };
        let time = Timestamp::from_millisecond(at(NOW).as_millisecond() - before_ms).unwrap();
        let quantity = Quantity::from_micros(micros);
        let event = UsageEvent { account: account.clone(), source, id, meter: Meter::ALL[meter], time, quantity, dims: names };
        let text = serde_json::to_vec(&Value::Object(write(&event))).unwrap();
        prop_assert_eq!(read_one(&text, context).unwrap(), Ok(event));
    }
}

mod bodies {
    use super::*;

    fn one(body: &[u8]) -> Result<Result<UsageEvent, Rejected>, BodyRefusal> {
        let account: AccountId = "acme".parse().unwrap();
        read_one(body, Context { account: &account, now: at(NOW) })
    }

    fn batch(body: &[u8]) -> Result<Vec<Result<UsageEvent, Rejected>>, BodyRefusal> {
        let account: AccountId = "acme".parse().unwrap();
        read_batch(body, Context { account: &account, now: at(NOW) })
    }

    #[test]
    fn one_event_or_an_array_by_what_was_announced() {
        let single = sample().to_string();
        let array = json!([sample(), {}, 7, sample()]).to_string();
        assert_eq!(one(single.as_bytes()).unwrap(), take(&sample()));
        let taken: Vec<bool> = batch(array.as_bytes()).unwrap().iter().map(Result::is_ok).collect();
        assert_eq!(taken, [true, false, false, true]);
        assert_eq!(batch(b"[]").unwrap(), []);
        assert_eq!(one(array.as_bytes()).unwrap_err().code(), "not_an_object");
        assert_eq!(batch(single.as_bytes()).unwrap_err().code(), "not_an_array");
    }

    #[test]
    fn a_batch_has_a_largest_size() {
        let of = |n: usize| format!("[{}]", vec!["{}"; n].join(","));
        assert_eq!(batch(of(MAX_BATCH).as_bytes()).unwrap().len(), MAX_BATCH);
        let refusal = batch(of(MAX_BATCH + 1).as_bytes()).unwrap_err();
        assert_eq!(refusal, BodyRefusal::TooManyEvents(MAX_BATCH + 1));
    }

    #[test]
    fn what_is_no_plain_json_is_refused_whole() {
        let deep = "[".repeat(100_000);
        for body in ["", "{", "nul", "{}{}", "\u{feff}{}", "{\"a\":1e999}", "'x'", &deep] {
            assert_eq!(one(body.as_bytes()).unwrap_err().code(), "invalid_json");
        }
        assert_eq!(one(b"{\"a\":\"\xff\"}").unwrap_err().code(), "invalid_json");
        assert_eq!(one(b"{\"a\":\"\\ud800\"}").unwrap_err().code(), "invalid_json");
    }

    #[test]
    fn a_key_that_stands_twice_is_refused_at_any_depth() {
        for body in [
            r#"{"id":"a","id":"b"}"#,
            r#"{"data":{"quantity":"1","quantity":"2"}}"#,
            r#"{"id":"a","\u0069d":"b"}"#,
        ] {
            let refusal = one(body.as_bytes()).unwrap_err();
            assert!(refusal.to_string().contains("stands twice"), "{refusal}");
        }
    }
}
