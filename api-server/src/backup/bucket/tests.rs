use super::*;

fn settings(folder: &Path) -> Settings {
    Settings {
        endpoint: "https://s3.example.com".to_owned(),
        name: "backups".to_owned(),
        region: "eu-central-1".to_owned(),
        prefix: "prod/tenants".to_owned(),
        credentials: folder.to_owned(),
        ca_file: None,
    }
}

fn credentials() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(ACCESS_KEY_ID), "AKIDEXAMPLE\n").unwrap();
    std::fs::write(folder.path().join(SECRET_ACCESS_KEY), "wJalrXUtnFEMI\n").unwrap();
    folder
}

fn refused(settings: Settings) -> String {
    let error = Bucket::open(settings).err().expect("it is refused");
    format!("{error:#}")
}

#[test]
fn what_cannot_be_used_is_refused_by_name_and_no_secret_is_repeated() {
    let folder = credentials();
    let good = settings(folder.path());
    let bucket = Bucket::open(good.clone()).unwrap();
    assert_eq!(bucket.place("acme/a.tar"), "s3://backups/prod/tenants/acme/a.tar");
    for endpoint in [
        "http://127.0.0.1:9000",
        "http://[::1]:9000",
        "http://minio:9000",
        "http://minio.store.svc:9000",
        "http://minio.store.svc.cluster.local",
        "https://s3.example.com/behind/a/path",
    ] {
        let near = Settings { endpoint: endpoint.to_owned(), ..good.clone() };
        assert!(Bucket::open(near).is_ok(), "{endpoint}");
    }
    for (endpoint, words) in [
        ("s3.example.com", "--backups-s3-endpoint is no address"),
        ("ftp://s3.example.com", "no plain http or https"),
        ("http://s3.example.com", "is not https"),
        ("http://10.0.0.7", "is not https"),
        ("http://svc.example.com", "is not https"),
        ("https://me:hidden@s3.example.com", "--backups-s3-credentials"),
        ("https://s3.example.com?a=b", "no plain http or https"),
    ] {
        let told = refused(Settings { endpoint: endpoint.to_owned(), ..good.clone() });
        assert!(told.contains(words) && !told.contains("hidden"), "{endpoint}: {told}");
    }
    for name in ["", "ab", "Backups", "back_ups", "-backups", "a/b", "..", &"a".repeat(64)] {
        let told = refused(Settings { name: name.to_owned(), ..good.clone() });
        assert!(told.contains("--backups-s3-bucket"), "{name}: {told}");
    }
    for prefix in ["/a", "a/", "a//b", "../b", "a/..", "a b", "a?b", &"a".repeat(201)] {
        let told = refused(Settings { prefix: prefix.to_owned(), ..good.clone() });
        assert!(told.contains("--backups-s3-prefix"), "{prefix}: {told}");
    }
    for region in ["", "eu central", "eu/central"] {
        let told = refused(Settings { region: region.to_owned(), ..good.clone() });
        assert!(told.contains("--backups-s3-region"), "{region}: {told}");
    }
    let nowhere = Some(folder.path().join("absent.pem"));
    let told = refused(Settings { ca_file: nowhere, ..good });
    assert!(told.contains("--backups-s3-ca-file"), "{told}");
}

#[test]
fn credentials_are_read_anew_and_what_is_wrong_with_them_is_named_without_them() {
    let folder = credentials();
    let bucket = Bucket::open(settings(folder.path())).unwrap();
    std::fs::write(folder.path().join(SECRET_ACCESS_KEY), "another\n").unwrap();
    let key = bucket.key().unwrap();
    assert_eq!((key.key(), key.secret(), key.token()), ("AKIDEXAMPLE", "another", None));
    std::fs::write(folder.path().join(SESSION_TOKEN), "for an hour").unwrap();
    let told = format!("{:#}", bucket.key().err().unwrap());
    assert!(told.contains(SESSION_TOKEN) && !told.contains("for an hour"), "{told}");
    std::fs::write(folder.path().join(SESSION_TOKEN), "hour").unwrap();
    assert_eq!(bucket.key().unwrap().token(), Some("hour"));
    std::fs::remove_file(folder.path().join(SECRET_ACCESS_KEY)).unwrap();
    let told = format!("{:#}", bucket.key().err().unwrap());
    assert!(told.contains("secret-access-key is not there"), "{told}");
    assert!(refused(settings(folder.path())).contains("--backups-s3-credentials"));
}

#[test]
fn of_an_error_only_its_code_is_said() {
    let text = "<Error><Code>SignatureDoesNotMatch</Code><StringToSign>AWS4</StringToSign></Error>";
    assert_eq!(code(text), Some("SignatureDoesNotMatch"));
    for none in ["", "<Code>", "<Code>a b</Code>", "<html>502</html>"] {
        assert_eq!(code(none), None);
    }
}
