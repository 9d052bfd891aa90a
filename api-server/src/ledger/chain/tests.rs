use super::*;
use crate::{
    domain::{Quantity, meter::Meter},
    store::row::Kind,
};
use jiff::Timestamp;

fn ms(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

fn entry() -> Entry {
    Entry {
        account: "acme".parse().unwrap(),
        seq: 1,
        kind: Kind::Usage,
        source: "/core".to_owned(),
        event_id: "e-1".to_owned(),
        meter: Meter::Query,
        t_event: ms(1),
        t_ingest: ms(2),
        t_stored: ms(3),
        quantity: Quantity::from_micros(4),
        ref_seq: None,
        period_start: ms(0),
        happened_in: None,
        dims_hash: None,
    }
}

/// Written out by hand from the module's description: what a stranger would implement.
#[test]
fn a_rows_bytes_are_as_described() {
    let mut expected = vec![1];
    expected.extend_from_slice(b"\0\0\0\x04acme");
    expected.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 1]); // seq
    expected.extend_from_slice(&[0; 8]); // kind
    expected.extend_from_slice(b"\0\0\0\x05/core");
    expected.extend_from_slice(b"\0\0\0\x03e-1");
    expected.extend_from_slice(b"\0\0\0\x05query");
    for number in 1..=4 {
        expected.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, number]); // three times, quantity
    }
    expected.push(0); // corrects nothing
    expected.extend_from_slice(&[0; 8]); // period start
    expected.extend_from_slice(&[0, 0]); // happened there, no dimensions
    assert_eq!(canonical(&entry()), expected);
}

/// Known to other implementations of SHA-256: `printf` of the bytes above into `sha256sum`.
#[test]
fn a_chain_value_is_the_hash_of_predecessor_and_row() {
    let mut all = vec![0; 32];
    all.extend(canonical(&entry()));
    let expected: [u8; 32] = Sha256::digest(&all).into();
    assert_eq!(next(&[0; 32], &entry()), expected);
    assert_ne!(next(&[1; 32], &entry()), expected);
}

#[test]
fn every_field_changes_the_value() {
    let changes: [fn(&mut Entry); 14] = [
        |e| e.account = "acmf".parse().unwrap(),
        |e| e.seq = 2,
        |e| e.kind = Kind::Void,
        |e| e.source.push('x'),
        |e| e.event_id.push('x'),
        |e| e.meter = Meter::Agents,
        |e| e.t_event = ms(9),
        |e| e.t_ingest = ms(9),
        |e| e.t_stored = ms(9),
        |e| e.quantity = Quantity::from_micros(-4),
        |e| e.ref_seq = Some(0),
        |e| e.period_start = ms(9),
        |e| e.happened_in = Some(ms(0)),
        |e| e.dims_hash = Some([0; 32]),
    ];
    let mut seen = std::collections::HashSet::from([canonical(&entry())]);
    for change in changes {
        let mut changed = entry();
        change(&mut changed);
        assert!(seen.insert(canonical(&changed)), "{changed:?}");
    }
}

#[test]
fn moving_a_letter_between_fields_changes_the_value() {
    let mut moved = entry();
    moved.source = "/coree".to_owned();
    moved.event_id = "-1".to_owned();
    assert_ne!(canonical(&moved), canonical(&entry()));
}

#[test]
fn equal_dimensions_of_two_rows_do_not_look_equal() {
    let json = r#"{"user":"7"}"#;
    assert_ne!(dims_hash(&[1; 16], json), dims_hash(&[2; 16], json));
    assert_eq!(dims_hash(&[1; 16], json), dims_hash(&[1; 16], json));
}
