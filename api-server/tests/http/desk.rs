//! Strangers who want the desk of customer success for themselves, and who only asks again.

use std::num::NonZeroU32;

use api_server::http::budget::Rates;
use axum::http::StatusCode;

use super::api::{Api, rates};
use super::onboarding::{form, submit_from};

async fn with(hourly: u32) -> Api {
    let onboarding = NonZeroU32::new(hourly).unwrap();
    Api::with_rates(Rates { onboarding, ..rates(1_000_000) }).await
}

/// A site's own, of which each of its 65,536 networks would have a budget.
#[tokio::test]
async fn a_site_has_one_budget_for_what_is_kept() {
    let api = with(2).await;
    for (n, network) in
        ["2001:db8:1:1::1", "2001:db8:1:2::1", "2001:db8:1:ffff::1"].iter().enumerate()
    {
        let answer = submit_from(&api, network, &form(), &format!("k{n}")).await;
        let wanted = [StatusCode::CREATED, StatusCode::CREATED, StatusCode::TOO_MANY_REQUESTS];
        assert_eq!(answer.status, wanted[n], "{network}: {}", answer.text);
    }
    // The next site is another's.
    let next = submit_from(&api, "2001:db8:2:1::1", &form(), "next").await;
    assert_eq!(next.status, StatusCode::CREATED, "{}", next.text);
}

/// Whose answer was lost sends again until there is one: that keeps nothing more.
#[tokio::test]
async fn the_same_form_with_the_same_key_costs_nothing_more() {
    let api = with(2).await;
    let first = submit_from(&api, "192.0.2.1", &form(), "a").await;
    assert_eq!(first.headers["ratelimit"], "\"onboarding\";r=1;t=3600");
    for _ in 0..5 {
        let again = submit_from(&api, "192.0.2.1", &form(), "a").await;
        assert_eq!((again.status, &again.text), (StatusCode::CREATED, &first.text));
        assert_eq!(again.headers["location"], first.headers["location"]);
        assert_eq!(again.headers["cache-control"], "no-store");
    }
    let second = submit_from(&api, "192.0.2.1", &form(), "b").await;
    assert_eq!(second.headers["ratelimit"], "\"onboarding\";r=0;t=3600");
    let third = submit_from(&api, "192.0.2.1", &form(), "c").await;
    assert_eq!(third.status, StatusCode::TOO_MANY_REQUESTS, "{}", third.text);
    // Also when nothing is left.
    let again = submit_from(&api, "192.0.2.1", &form(), "b").await;
    assert_eq!((again.status, again.text), (StatusCode::CREATED, second.text));
}
