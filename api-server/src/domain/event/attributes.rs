//! The attributes of an event, each with its limits.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::{
    CORRECTIONS, Code, MAX_DIM_NAME_BYTES, MAX_DIM_VALUE_BYTES, MAX_DIMS, MAX_NAME_BYTES,
    MAX_QUANTITY, MAX_SKEW, Members, Refusal, oldest_time,
};
use crate::domain::{Quantity, account::AccountId, meter::Meter};

/// Known to CloudEvents, so never a dimension.
const KNOWN: [&str; 10] = [
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "datacontenttype",
    "dataschema",
    "data",
    "data_base64",
];
/// Extensions that describe a delivery, not usage.
const DELIVERY: [&str; 2] = ["traceparent", "tracestate"];

/// A member that is there; JSON null counts as absent, as some SDKs write it.
fn get<'a>(members: &'a Members, name: &str) -> Option<&'a Value> {
    members.get(name).filter(|value| !value.is_null())
}

fn text<'a>(members: &'a Members, name: &str, fix: &str) -> Result<&'a str, Refusal> {
    let pointer = format!("/{name}");
    let value = get(members, name).ok_or_else(|| {
        Refusal::new(Code::Missing, &pointer, format!("{name} is missing: {fix}"))
    })?;
    let text = value.as_str().ok_or_else(|| {
        Refusal::new(Code::WrongType, &pointer, format!("{name} must be a JSON string: {fix}"))
    })?;
    if text.is_empty() {
        return Err(Refusal::new(Code::Empty, &pointer, format!("{name} is empty: {fix}")));
    }
    Ok(text)
}

fn bounded(text: &str, name: &str, limit: usize) -> Result<(), Refusal> {
    if text.len() > limit {
        let detail = format!("{name} has {} bytes; at most {limit}", text.len());
        return Err(Refusal::of_member(Code::TooLong, name, detail));
    }
    if text.chars().any(char::is_control) {
        let detail = format!("{name} holds a control character; send printable text");
        return Err(Refusal::of_member(Code::BadCharacter, name, detail));
    }
    Ok(())
}

pub(super) fn specversion(members: &Members) -> Result<(), Refusal> {
    match text(members, "specversion", "send \"1.0\"")? {
        "1.0" => Ok(()),
        _ => {
            let detail = "this is not CloudEvents 1.0; send specversion \"1.0\"";
            Err(Refusal::new(Code::UnknownSpecversion, "/specversion", detail))
        }
    }
}

pub(super) fn id(members: &Members) -> Result<String, Refusal> {
    let id = text(members, "id", "send a name that this source never uses again, such as a UUID")?;
    bounded(id, "id", MAX_NAME_BYTES)?;
    Ok(id.to_owned())
}

pub(super) fn source(members: &Members) -> Result<String, Refusal> {
    let source = text(members, "source", "send a URI reference of the sender, such as \"/core\"")?;
    bounded(source, "source", MAX_NAME_BYTES)?;
    if source.chars().any(char::is_whitespace) {
        let detail = "source is a URI reference and holds no spaces; write %20";
        return Err(Refusal::new(Code::BadCharacter, "/source", detail));
    }
    if source == CORRECTIONS {
        let detail = format!(
            "source {CORRECTIONS} is that of corrections; name the sender, such as \"/core\""
        );
        return Err(Refusal::new(Code::Reserved, "/source", detail));
    }
    Ok(source.to_owned())
}

pub(super) fn meter(members: &Members) -> Result<Meter, Refusal> {
    let name = text(members, "type", "send dev.tenantry.usage.<meter>")?;
    bounded(name, "type", MAX_NAME_BYTES)?;
    Meter::from_event_type(name)
        .map_err(|unknown| Refusal::new(Code::UnknownType, "/type", unknown.to_string()))
}

pub(super) fn time(members: &Members, now: Timestamp) -> Result<Timestamp, Refusal> {
    let refuse = |code, detail: String| Refusal::new(code, "/time", detail);
    let text = text(members, "time", "send the instant of use, such as 2026-11-22T23:50:16Z")?;
    let time = rfc3339(text).ok_or_else(|| {
        let detail = "time is not an RFC 3339 instant; send it as 2026-11-22T23:50:16Z";
        refuse(Code::BadTime, detail.to_owned())
    })?;
    if time.duration_since(now) > MAX_SKEW {
        let detail = format!("time {time} is more than 24 h after {now}; set the sender's clock");
        return Err(refuse(Code::TimeInFuture, detail));
    }
    let oldest = oldest_time(now);
    if time < oldest {
        let detail = format!(
            "time {time} is before {oldest}, from which on repeated events are recognised; \
             have it added as a correction"
        );
        return Err(refuse(Code::TimeTooOld, detail));
    }
    Ok(time)
}

/// An instant as RFC 3339 writes it, in whole milliseconds; finer digits are dropped.
fn rfc3339(text: &str) -> Option<Timestamp> {
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c.to_ascii_uppercase() })
        .collect();
    let rest = shape.strip_prefix("0000-00-00T00:00:00")?;
    let zone = match rest.strip_prefix('.') {
        None => rest,
        Some(fraction) => {
            let zone = fraction.trim_start_matches('0');
            (1..=9).contains(&(fraction.len() - zone.len())).then_some(zone)?
        }
    };
    if !matches!(zone, "Z" | "+00:00" | "-00:00") {
        return None;
    }
    let time: Timestamp = text.to_ascii_uppercase().parse().ok()?;
    let (ms, finer) = (time.as_millisecond(), time.subsec_nanosecond() % 1_000_000);
    // Millisecond values cut toward zero; before 1970 that would be later, not earlier.
    Timestamp::from_millisecond(if finer < 0 { ms - 1 } else { ms }).ok()
}

pub(super) fn quantity(members: &Members) -> Result<Quantity, Refusal> {
    const AT: &str = "/data/quantity";
    const FIX: &str = "send data as {\"quantity\": \"12.5\"}";
    let data = data(members, FIX)?;
    let value = data
        .get("quantity")
        .filter(|value| !value.is_null())
        .ok_or_else(|| Refusal::new(Code::Missing, AT, format!("quantity is missing: {FIX}")))?;
    let quantity = match value {
        Value::String(text) => text.parse::<Quantity>().map_err(|error| {
            Refusal::new(Code::BadQuantity, AT, format!("quantity is no decimal: {error}"))
        })?,
        Value::Number(number) if number.is_f64() => {
            let detail =
                "a JSON number with a fraction is not exact; send a string such as \"12.5\"";
            return Err(Refusal::new(Code::FloatQuantity, AT, detail));
        }
        Value::Number(number) => {
            number.as_i64().and_then(Quantity::from_units).ok_or_else(|| {
                Refusal::new(Code::QuantityTooLarge, AT, "quantity does not fit; split the event")
            })?
        }
        _ => {
            let detail = "quantity must be a decimal in a string, such as \"12.5\"";
            return Err(Refusal::new(Code::WrongType, AT, detail));
        }
    };
    if quantity.is_negative() {
        let detail = "an event counts use; take use back with a correction";
        return Err(Refusal::new(Code::NegativeQuantity, AT, detail));
    }
    if quantity > MAX_QUANTITY {
        let detail = format!("one event counts at most {MAX_QUANTITY}; split it");
        return Err(Refusal::new(Code::QuantityTooLarge, AT, detail));
    }
    Ok(quantity)
}

fn data<'a>(members: &'a Members, fix: &str) -> Result<&'a Members, Refusal> {
    if get(members, "data_base64").is_some() {
        let detail = format!("data_base64 carries bytes, not a quantity: {fix}");
        return Err(Refusal::new(Code::DataNotJson, "/data_base64", detail));
    }
    if let Some(kind) = get(members, "datacontenttype")
        && !kind.as_str().is_some_and(is_json)
    {
        let detail = format!("datacontenttype must be application/json: {fix}");
        return Err(Refusal::new(Code::DataNotJson, "/datacontenttype", detail));
    }
    let data = get(members, "data")
        .ok_or_else(|| Refusal::new(Code::Missing, "/data", format!("data is missing: {fix}")))?;
    let data = data.as_object().ok_or_else(|| {
        Refusal::new(Code::WrongType, "/data", format!("data must be a JSON object: {fix}"))
    })?;
    match data.keys().find(|key| *key != "quantity") {
        None => Ok(data),
        Some(other) => {
            let mut refusal = Refusal::of_member(
                Code::UnknownMember,
                other,
                "data holds quantity alone; send further facts as extension attributes",
            );
            refusal.pointer.insert_str(0, "/data");
            Err(refusal)
        }
    }
}

fn is_json(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

pub(super) fn subject(members: &Members, account: &AccountId) -> Result<(), Refusal> {
    match get(members, "subject") {
        None => Ok(()),
        Some(Value::String(subject)) if subject == account.as_str() => Ok(()),
        Some(_) => {
            let detail = format!("the token is {account}'s; send subject \"{account}\", or none");
            Err(Refusal::new(Code::SubjectMismatch, "/subject", detail))
        }
    }
}

/// The extension attributes, as texts; what is wrong with them is noted.
pub(super) fn dims(members: &Members, mut note: impl FnMut(Refusal)) -> BTreeMap<String, String> {
    let extensions = || {
        members
            .iter()
            .filter(|(name, value)| !value.is_null() && !KNOWN.contains(&name.as_str()))
            .filter(|(name, _)| !DELIVERY.contains(&name.as_str()))
    };
    if extensions().count() > MAX_DIMS {
        let detail = format!("at most {MAX_DIMS} extension attributes are kept; send fewer");
        note(Refusal::new(Code::TooManyAttributes, "", detail));
        return BTreeMap::new();
    }
    let mut dims = BTreeMap::new();
    for (name, value) in extensions() {
        match dim(name, value) {
            Ok(value) => drop(dims.insert(name.clone(), value)),
            Err(refusal) => note(refusal),
        }
    }
    dims
}

fn dim(name: &str, value: &Value) -> Result<String, Refusal> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    if name.is_empty() || name.len() > MAX_DIM_NAME_BYTES || !name.bytes().all(allowed) {
        let detail = format!(
            "an extension attribute's name is 1 to {MAX_DIM_NAME_BYTES} lower-case letters and digits"
        );
        return Err(Refusal::of_member(Code::BadAttributeName, name, detail));
    }
    let value = match value {
        Value::String(text) => text.clone(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) if !number.is_f64() => number.to_string(),
        _ => {
            let detail = "an extension attribute is a string, a whole number or a boolean";
            return Err(Refusal::of_member(Code::WrongType, name, detail));
        }
    };
    bounded(&value, name, MAX_DIM_VALUE_BYTES)?;
    Ok(value)
}
