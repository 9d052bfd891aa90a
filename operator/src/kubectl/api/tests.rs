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
