//! JSON as this server reads it: every text has one meaning or is refused.
//!
//! `serde_json` alone keeps the last of two equal keys, so that two programs may read one text
//! differently; here a key given twice is an error. Depth and size in memory are bounded before anything
//! is parsed.

use std::cell::RefCell;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The most values in one text: a thousand events of 64 members each.
const MOST_VALUES: usize = 64_000;
/// The most objects and lists in one text. Seven bytes of text can become an object of 600 bytes in
/// memory, so that bytes alone bound nothing; this many take ten megabytes.
const MOST_CONTAINERS: usize = 16_000;

/// Why a text is not JSON that is read here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Nested deeper than allowed.
    #[error("nested deeper than {limit} levels; flatten it")]
    Depth {
        /// How deep it may be.
        limit: usize,
    },
    /// More in it than is read.
    #[error(
        "more than {MOST_VALUES} values, or {MOST_CONTAINERS} objects and lists; send it in parts"
    )]
    Many,
    /// An object has a key twice.
    #[error("the key at {pointer} is given twice; keep one")]
    Duplicate {
        /// Where, as a JSON pointer.
        pointer: String,
    },
    /// Not UTF-8.
    #[error("byte {offset} is not UTF-8; send UTF-8 without a byte order mark")]
    Encoding {
        /// The first byte that is wrong, counted from 0.
        offset: usize,
    },
    /// The text ends in the middle.
    #[error("the text ends at line {line}, column {column} before the value does; send all of it")]
    Truncated {
        /// Counted from 1.
        line: usize,
        /// Counted from 1; 0 when the line is empty.
        column: usize,
    },
    /// Not JSON.
    #[error("line {line}, column {column} is not JSON: {detail}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// What is wrong there.
        detail: String,
    },
}

/// Reads one JSON value nested at most `depth` levels (`[]` is one).
///
/// # Errors
/// When the text is not UTF-8, not JSON, too deep, or has a key twice in one object.
pub fn parse(bytes: &[u8], depth: usize) -> Result<Value, JsonError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| JsonError::Encoding { offset: error.valid_up_to() })?;
    check_shape(bytes, depth)?;
    let found = Found::default();
    let mut parser = serde_json::Deserializer::from_str(text);
    let value = Strict(&found).deserialize(&mut parser);
    value.and_then(|value| parser.end().map(|()| value)).map_err(|error| found.explain(&error))
}

/// Refuses a text that nests deeper than `limit` levels, or that has more in it than a thousand events
/// do; nothing else is checked, and the text need not be JSON.
///
/// # Errors
/// [`JsonError::Depth`] and [`JsonError::Many`].
pub fn check_shape(bytes: &[u8], limit: usize) -> Result<(), JsonError> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    let (mut values, mut containers) = (1_usize, 0_usize);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'[' | b'{' => {
                depth += 1;
                containers += 1;
                // Its first member has no comma before it.
                values += 1;
                if depth > limit {
                    return Err(JsonError::Depth { limit });
                }
            }
            b',' => values += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if values > MOST_VALUES || containers > MOST_CONTAINERS {
            return Err(JsonError::Many);
        }
    }
    Ok(())
}

/// A JSON pointer's reference token.
#[must_use]
pub fn token(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Where a duplicate was found: the way out of it, innermost first. Empty unless there was one.
#[derive(Default)]
struct Found {
    way: RefCell<Vec<String>>,
}

impl Found {
    fn step(&self, step: impl fmt::Display) {
        self.way.borrow_mut().push(step.to_string());
    }

    fn inside<T, E>(&self, result: Result<T, E>, step: impl fmt::Display) -> Result<T, E> {
        if result.is_err() && !self.way.borrow().is_empty() {
            self.step(step);
        }
        result
    }

    fn explain(&self, error: &serde_json::Error) -> JsonError {
        let way = self.way.borrow();
        if !way.is_empty() {
            let pointer = way.iter().rev().map(|step| format!("/{}", token(step))).collect();
            return JsonError::Duplicate { pointer };
        }
        let (line, column) = (error.line(), error.column());
        if error.is_eof() {
            return JsonError::Truncated { line, column };
        }
        let text = error.to_string();
        let detail = text.split(" at line ").next().unwrap_or_default().to_owned();
        JsonError::Syntax { line, column, detail }
    }
}

#[derive(Clone, Copy)]
struct Strict<'f>(&'f Found);

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            let item = self.0.inside(items.next_element_seed(self), list.len())?;
            match item {
                Some(item) => list.push(item),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if object.contains_key(&key) {
                self.0.step(key);
                return Err(de::Error::custom("duplicate key"));
            }
            let value = self.0.inside(entries.next_value_seed(self), &key)?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_what_json_is() {
        let text = br#" {"a":[1,-2,3.5,"x\u00e9\"]",true,null],"b":{"":{}}} "#;
        let value = json!({"a": [1, -2, 3.5, "xé\"]", true, null], "b": {"": {}}});
        assert_eq!(parse(text, 3), Ok(value));
    }

    #[test]
    fn a_key_given_twice_is_named_by_its_pointer() {
        for (text, pointer) in [
            (r#"{"a":1,"a":1}"#, "/a"),
            (r#"[0,{"x/y":{"~":1,"b":2,"~":3}}]"#, "/1/x~1y/~0"),
            (r#"{"a":{"b":1},"a\u0000":1,"\u0061":2}"#, "/a"),
        ] {
            let duplicate = JsonError::Duplicate { pointer: pointer.to_owned() };
            assert_eq!(parse(text.as_bytes(), 9), Err(duplicate), "{text}");
        }
        assert!(parse(br#"[{"a":1},{"a":1}]"#, 9).is_ok());
    }

    #[test]
    fn depth_is_bounded_whatever_follows() {
        assert!(parse(b"[[[]]]", 3).is_ok());
        assert_eq!(parse(b"[[[[", 3), Err(JsonError::Depth { limit: 3 }));
        assert!(parse(br#"["[[[[\"[["]"#, 1).is_ok());
        let deep = "[".repeat(1_000_000);
        assert_eq!(parse(deep.as_bytes(), 32), Err(JsonError::Depth { limit: 32 }));
    }

    #[test]
    fn what_a_text_becomes_in_memory_is_bounded() {
        let many = |one: &str, count: usize| format!("[{}]", vec![one; count].join(","));
        for (one, most) in [(r#"{"":0}"#, MOST_CONTAINERS - 1), ("0", MOST_VALUES - 1)] {
            assert!(parse(many(one, most).as_bytes(), 9).is_ok(), "{one}");
            assert_eq!(parse(many(one, most + 1).as_bytes(), 9), Err(JsonError::Many), "{one}");
        }
        // Not what stands in a string.
        assert!(parse(format!("[\"{}\"]", "{,".repeat(MOST_VALUES)).as_bytes(), 9).is_ok());
    }

    #[test]
    fn broken_texts_say_how() {
        assert_eq!(parse(b"{\"a\":\xff}", 3), Err(JsonError::Encoding { offset: 5 }));
        assert_eq!(parse(b"{\"a\":", 3), Err(JsonError::Truncated { line: 1, column: 5 }));
        assert_eq!(parse(b"", 3), Err(JsonError::Truncated { line: 1, column: 0 }));
        for text in ["{} x", "{'a':1}", "[1,]", "1e400", "NaN", "\u{feff}{}", r#""\ud800""#, "01"] {
            let error = parse(text.as_bytes(), 3).unwrap_err();
            assert!(matches!(error, JsonError::Syntax { .. }), "{text}: {error:?}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json_where_no_key_is_given_twice(text in r#"[\[\]{}",:0-9ae\\ .-]{0,24}"#) {
            let own = parse(text.as_bytes(), 16);
            let reference = serde_json::from_str::<Value>(&text).ok();
            match own {
                Ok(value) => prop_assert_eq!(Some(value), reference),
                Err(JsonError::Duplicate { .. } | JsonError::Depth { .. }) => {}
                Err(_) => prop_assert_eq!(reference, None),
            }
        }
    }
}
