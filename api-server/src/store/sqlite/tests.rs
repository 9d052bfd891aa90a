use super::*;

#[test]
fn an_older_sqlite_than_the_floor_is_refused() {
    for old in ["3.51.2", "3.51", "3.6.19", "2.99.99", "", "x"] {
        assert_eq!(require_version(old), Err(StoreError::SqliteTooOld(old.to_owned())));
    }
    for good in ["3.51.3", "3.51.10", "3.52.0", "4.0.0", "3.51.3.1"] {
        assert_eq!(require_version(good), Ok(()));
    }
}

#[test]
fn result_codes_say_whether_to_wait_to_retry_or_to_stop() {
    let kind = |code| by_code(code, String::new());
    let full = StoreError::Full(String::new());
    let busy = StoreError::Busy(String::new());
    let broken = StoreError::Broken(String::new());
    assert_eq!([13, 4874].map(kind), [full.clone(), full]);
    assert_eq!([5, 6, 261, 517].map(kind), [5; 4].map(|_| busy.clone()));
    // Among the extended ones: failed writes, failed fsyncs (1034, 1290), a corrupt index.
    for code in [7, 8, 10, 11, 14, 26, 778, 1034, 1290, 779, 2058] {
        assert_eq!(kind(code), broken, "{code}");
    }
    assert_eq!([1, 19, 787, 2067].map(kind), [1; 4].map(|_| StoreError::Statement(String::new())));
}

#[test]
fn rows_are_cut_into_statements_of_few_sizes() {
    let values = |rows: i64| (0..rows * 2).map(Value::from).collect::<Vec<_>>();
    for rows in [0, 1, 3, 4, 255, 256, 257, 1_000] {
        let chunks = chunks(2, values(rows));
        assert!(chunks.iter().all(|(n, chunk)| SIZES.contains(n) && chunk.len() == n * 2));
        let again: Vec<_> = chunks.into_iter().flat_map(|(_, chunk)| chunk).collect();
        assert_eq!(again, values(rows));
    }
    assert_eq!(with_values(("INSERT", "ON"), 2, 2), "INSERT VALUES (?, ?), (?, ?) ON");
}

#[test]
fn no_statement_has_more_values_than_sqlite_binds() {
    assert!(SIZES[0] * crate::store::row::ENTRY_WIDTH < 32_766);
}
