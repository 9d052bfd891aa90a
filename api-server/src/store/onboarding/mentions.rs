//! Takes mentions of an erased contact out of what the customer wrote.
//!
//! What is put in their place is never longer, so that a text that was short enough stays so.

use std::collections::BTreeSet;

use serde_json::Value;

/// What stands where somebody was named.
const GONE: &str = "…";
/// Shorter words say too little: *it* is also a department.
const SHORTEST: usize = 3;

/// By what a text names somebody.
pub(super) struct Person {
    /// Their whole name, also where words are not parted by blanks.
    name: String,
    /// In small letters: the words of their name, and of their address before the `@`.
    words: BTreeSet<String>,
}

/// The contact of a form.
pub(super) fn of(contact: Option<&Value>) -> Person {
    let text = |name: &str| contact.and_then(|contact| contact.get(name)?.as_str());
    let name = text("name").unwrap_or_default().trim();
    let local = text("email").and_then(|email| email.split('@').next()).unwrap_or_default();
    let words = [name, local].into_iter().flat_map(|text| text.split(|c: char| !is_of_word(c)));
    let words = words.filter(|word| word.chars().count() >= SHORTEST).map(str::to_lowercase);
    Person { name: name.to_owned(), words: words.collect() }
}

/// Of the use case, or of the text of each sign of success.
pub(super) fn erase(words: &mut Value, person: &Person) {
    match words {
        Value::String(text) => *text = without(text, person),
        Value::Array(all) => {
            let texts = all.iter_mut().filter_map(|one| one.get_mut("text"));
            texts.for_each(|text| erase(text, person));
        }
        _ => {}
    }
}

fn without(text: &str, person: &Person) -> String {
    let whole = person.name.chars().count() >= SHORTEST;
    let text = if whole { text.replace(&person.name, GONE) } else { text.to_owned() };
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(first) = rest.chars().next() {
        let in_word = is_of_word(first);
        let end = rest.find(|c| is_of_word(c) != in_word).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        let named = in_word && person.words.contains(&part.to_lowercase());
        out.push_str(if named { GONE } else { part });
        rest = after;
    }
    out
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn erased(name: &str, email: &str, text: &str) -> String {
        without(text, &of(Some(&json!({"name": name, "email": email}))))
    }

    #[test]
    fn a_person_is_found_by_name_and_address_in_whatever_case() {
        let ada = |text| erased("Ada Lovelace", "a.lovelace@acme.example", text);
        assert_eq!(ada("Ada reads; ADA, LOVELACE's desk"), "… reads; …, …'s desk");
        assert_eq!(ada("ask Ada Lovelace (a.lovelace@acme.example)"), "ask … (a.…@acme.example)");
        assert_eq!(ada("Adamant lawyers in Nevada"), "Adamant lawyers in Nevada");
    }

    #[test]
    fn a_name_is_found_where_words_are_not_parted() {
        assert_eq!(erased("山田太郎", "y@acme.example", "担当は山田太郎です"), "担当は…です");
    }

    #[test]
    fn short_words_and_no_contact_take_nothing_out() {
        assert_eq!(erased("IT", "it@acme.example", "it works"), "it works");
        assert_eq!(without("it works", &of(None)), "it works");
    }

    #[test]
    fn nothing_grows_and_only_words_change() {
        let mut criteria = json!([{"text": "Ada 2027", "by": "2027-06-30"}, {"text": "none"}]);
        let person = of(Some(&json!({"name": "Ada 2027", "email": "ada@acme.example"})));
        erase(&mut criteria, &person);
        assert_eq!(criteria, json!([{"text": "…", "by": "2027-06-30"}, {"text": "none"}]));
    }
}
