//! What who runs the server is told of strangers that are refused.

use std::time::Instant;

use serde_json::{Value, json};

use crate::serving::{Place, Serving, client};

const REFUSED: &str = "a request to be taken on is refused";
const FORMS: usize = 20;

/// Behind a proxy that nobody named this is what customers meet: it must be seen, and not fill the log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn that_forms_are_refused_is_said_once_a_minute_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(folder.path());
    let mut server = Serving::start(&place, &["--rate-onboarding", "1", "--rate-public", "1000"]);
    let mut form: Value = serde_json::from_str(include_str!("../fuzz/form.json")).unwrap();
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    form["go_live_date"] = json!(today + jiff::Span::new().days(30));
    let (client, began) = (client(), Instant::now());
    let mut statuses = Vec::new();
    for _ in 0..FORMS {
        let sent = client.post(format!("{}/onboarding", server.api)).json(&form).send().await;
        statuses.push(sent.unwrap().status().as_u16());
    }
    assert_eq!(statuses[0], 201, "{statuses:?}");
    assert!(statuses[1..].contains(&429), "{statuses:?}");
    let (_, log) = server.stop();
    let minutes = usize::try_from(began.elapsed().as_secs() / 60).unwrap();
    let said: Vec<&str> = log.lines().filter(|line| line.contains(REFUSED)).collect();
    assert!((1..=1 + minutes).contains(&said.len()), "{said:#?}");
    assert!(said[0].contains("127.0.0.1") && said[0].contains("--trusted-proxy"), "{}", said[0]);
}
