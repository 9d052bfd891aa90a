use super::*;

const SECRET: &str = "hunter2";

#[test]
fn a_url_is_shown_without_user_and_password() {
    let url = format!("postgresql://tenantry:{SECRET}@db.example:6432/ledger?sslmode=require");
    let database: Database = url.parse().unwrap();
    assert_eq!(database.to_string(), "postgresql://db.example:6432/ledger");
    for shown in [database.to_string(), format!("{database:?}"), format!("{:?}", readers_of(&url))]
    {
        assert!(!shown.contains(SECRET) && !shown.contains("tenantry:"), "{shown}");
    }
}

fn readers_of(url: &str) -> crate::store::Place {
    let folder = std::path::PathBuf::from("storage");
    crate::store::Place::Postgres { database: url.parse().unwrap(), folder }
}

#[test]
fn what_is_no_url_is_refused_with_its_remedy_and_not_repeated() {
    for (url, why) in [
        ("", BadUrl::Unreadable),
        ("hunter2", BadUrl::Unreadable),
        ("postgresql://u:hunter2@h:port/n", BadUrl::Unreadable),
        ("postgresql://u:hunter2@h/n?sslmode=hunter2", BadUrl::Unreadable),
        ("mysql://u:hunter2@h/n", BadUrl::Scheme),
        ("postgresql://u:12#hunter2@h/n", BadUrl::Fragment),
        ("postgresql://u:hunter2@db.example/n", BadUrl::Tls),
        ("postgresql://u:hunter2@10.0.0.1/n?user=u", BadUrl::Tls),
        ("postgresql://u@h/n?hunter2=x", BadUrl::Parameter),
        ("postgresql://u@h/n?pasword=hunter2", BadUrl::Parameter),
    ] {
        let refused = url.parse::<Database>().err();
        assert_eq!(refused, Some(why), "{url}");
        assert!(!why.to_string().contains(SECRET));
    }
}

#[test]
fn a_database_of_this_machine_or_cluster_may_go_without_tls() {
    for url in [
        "postgresql://u@127.0.0.1/n",
        "postgresql://u@postgres/n",
        "postgresql://u@ledger.data.svc/n",
        "postgresql:///n?host=/run/postgresql",
        "postgresql://u@db.example/n?sslmode=disable",
        "postgresql://u@db.example/n?sslmode=verify-full",
    ] {
        assert_eq!(url.parse::<Database>().err(), None, "{url}");
    }
}

#[test]
fn states_say_whether_to_wait_to_begin_anew_or_to_stop() {
    let kind = |state| by_state(state, String::new());
    let away = StoreError::Away(String::new());
    assert_eq!(
        ["40001", "40P01"].map(kind),
        [(); 2].map(|()| StoreError::Contended(String::new()))
    );
    assert_eq!(kind("53100"), StoreError::Full(String::new()));
    for state in ["53200", "55P03", "57014"] {
        assert_eq!(kind(state), StoreError::Busy(String::new()), "{state}");
    }
    for state in ["08006", "08003", "57P01", "57P02", "57P03", "25006", "40003", "58030", "53300"] {
        assert_eq!(kind(state), away, "{state}");
    }
    for state in ["23505", "23502", "42601", "22003", "P0001", ""] {
        assert_eq!(kind(state), StoreError::Statement(String::new()), "{state}");
    }
    assert!(kind("42P01").to_string().contains("api-server migrate"));
}

#[test]
fn rows_become_an_array_per_column() {
    use sqlx::Arguments as _;
    let values = vec![Value::from(1_i64), Value::from("a"), Value::from(2_i64), Value::Text(None)];
    assert_eq!(columns(2, values).unwrap().len(), 2);
    let mixed = vec![Value::from(1_i64), Value::from("a")];
    assert!(columns(1, mixed).is_err());
    let text = with_arrays(("INSERT INTO t (a, b)", "ON CONFLICT DO NOTHING"), 2);
    let expected = "INSERT INTO t (a, b) SELECT * FROM UNNEST($1, $2) ON CONFLICT DO NOTHING";
    assert_eq!(text, expected);
}
