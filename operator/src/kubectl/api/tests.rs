use super::*;
use crate::kubectl::wire::FieldError;

fn why(server: &str, token: bool) -> String {
    let _chosen = rustls::crypto::ring::default_provider().install_default();
    direct(server, None, token).err().map(|failure| failure.to_string()).unwrap_or_default()
}

#[test]
fn a_token_leaves_the_machine_by_https_alone() {
    for server in
        ["https://api.example", "http://127.0.0.1:8080", "http://[::1]:1", "http://localhost"]
    {
        assert_eq!(why(server, true), "", "{server}");
    }
    assert_eq!(why("http://api.example", false), "");
    for server in ["http://api.example", "http://127.0.0.1.example", "http://10.0.0.7:8080"] {
        assert!(why(server, true).contains("in clear"), "{server}");
    }
}

#[test]
fn an_address_that_holds_more_is_refused_and_not_shown() {
    for server in
        ["https://ada:hush@api.example", "https://api.example?t=hush", "ftp://hush", "hush"]
    {
        let text = why(server, false);
        assert!(text.starts_with("--server: ") && !text.contains("hush"), "{server}: {text}");
    }
}

/// A certificate of a test's own; its key is nowhere.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\n\
    MIIBiDCCAS2gAwIBAgIUM7Oqr/Y+G0ijDAfTER/qvupkHdYwCgYIKoZIzj0EAwIw\n\
    GDEWMBQGA1UEAwwNdGVuYW50cnkgdGVzdDAgFw0yNjExMzAwNzQzNTZaGA8yMTI2\n\
    MTEwNjA3NDM1NlowGDEWMBQGA1UEAwwNdGVuYW50cnkgdGVzdDBZMBMGByqGSM49\n\
    AgEGCCqGSM49AwEHA0IABNn8VXY94p1rlo4naht3HEBJQxvylp9dXs8Fgg1GLoXp\n\
    GKLeE4hF3mkcVDrc8JjhfIeELyYGFkFLGuIGmUmxKNWjUzBRMB0GA1UdDgQWBBS3\n\
    FiUjqHl0Qmy9t8CFLUgk74qr7TAfBgNVHSMEGDAWgBS3FiUjqHl0Qmy9t8CFLUgk\n\
    74qr7TAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQCpqDFkbRrl\n\
    m79kb/R74iRtlZxnfGf/bWWNaa/H8oKfYAIhALN25CdLQHj0f40bZKR/qfPUwUPw\n\
    XlgtGYn+bS64sCJG\n\
    -----END CERTIFICATE-----\n";

#[test]
fn a_file_of_certificates_is_read_or_said_to_be_none() {
    let _chosen = rustls::crypto::ring::default_provider().install_default();
    let folder = std::env::temp_dir().join(format!("tenantry-ca-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("ca.pem");
    let open = |file: &Path| direct("https://api.example", Some(file), true).map(|_| ());
    let framed =
        |text: &str| format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    for text in [String::new(), "garbage\n".to_owned(), framed("!!"), framed("Z2FyYmFnZQ==")] {
        std::fs::write(&file, &text).unwrap();
        let failure = open(&file).err().unwrap_or_else(|| panic!("taken: {text:?}"));
        assert_eq!(failure.code(), 2, "{failure}");
        let said = failure.to_string();
        assert!(said.starts_with("--server-ca-file ") && said.contains("ca.pem: "), "{said}");
    }
    for text in [CERTIFICATE.to_owned(), CERTIFICATE.repeat(2)] {
        std::fs::write(&file, text).unwrap();
        assert!(open(&file).is_ok());
    }
    std::fs::remove_dir_all(&folder).unwrap();
    let missing = open(&file).err().unwrap();
    assert!(missing.code() == 2 && missing.to_string().contains("ca.pem: "), "{missing}");
}

#[test]
fn a_token_shows_itself_nowhere() {
    let folder = std::env::temp_dir().join(format!("tenantry-token-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("token");
    std::fs::write(&file, "hush.hush\n").unwrap();
    let token = Token::find(Some(file.as_path())).unwrap().unwrap();
    assert_eq!(token.header().to_str().unwrap(), "Bearer hush.hush");
    assert!(!format!("{:?}", token.header()).contains("hush"));
    let long = "h".repeat(20_000);
    for text in ["", "\n", "two hush", "hush\u{7f}", long.as_str()] {
        std::fs::write(&file, text).unwrap();
        let failure = Token::find(Some(file.as_path())).err().unwrap();
        assert_eq!(failure.code(), 2);
        assert!(!failure.to_string().contains("hush"), "{failure}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(Token::find(Some(file.as_path())).err().unwrap().code(), 2);
}

#[test]
fn a_refusal_has_its_code_and_the_servers_words() {
    let problem = |detail: &str| ProblemBody {
        title: "x".to_owned(),
        status: 400,
        detail: detail.to_owned(),
        request_id: "r-1".to_owned(),
        errors: vec![FieldError { detail: "no such plan".to_owned() }],
    };
    for (status, code) in [(401, 4), (403, 4), (404, 3), (409, 1), (422, 1), (429, 5), (503, 5)] {
        let failure = refused(status, Some(&problem("because")));
        assert_eq!(failure.code(), code, "{status}");
        let words =
            if status == 401 { "--token-file" } else { "no such plan; because (request r-1)" };
        assert!(failure.to_string().contains(words), "{failure}");
    }
    assert!(refused(500, None).to_string().contains("it answered 500"));
    let html = Answered { status: 200, body: b"<html>".to_vec() };
    assert!(read::<Value>(&html).unwrap_err().to_string().contains("no API server of Tenantry"));
}
