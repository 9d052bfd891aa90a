//! What the API server is asked about money. Where it is not asked, or does not answer, that is said beside
//! what the cluster knows.

use super::{
    access::Access,
    api::{Api, SOURCES},
    args::{Prices, Reach},
    failure::Failure,
    price::{Bill, Price},
    wire::{PlanChangeOut, PlanIn, PriceList},
};

/// The path of the price list.
#[must_use]
pub fn price_list() -> String {
    "/billing/plans".to_owned()
}

/// The path of what an account came to.
#[must_use]
pub fn usage(account: &str) -> String {
    format!("/billing/usage/{account}")
}

/// The path of an account's bill, line by line.
#[must_use]
pub fn bill(account: &str) -> String {
    format!("/billing/usage/{account}/explain")
}

/// The path of changes of an account's plan.
#[must_use]
pub fn plan(account: &str) -> String {
    format!("/accounts/{account}/plan")
}

/// Why there is nothing to show, and what to do.
fn no_token(scope: &str) -> String {
    format!(
        "no token: {SOURCES}, of audience billing with {scope} (docs/kubectl.md#prices says whose)"
    )
}

/// The account that a tenant's status names.
fn account(named: Option<&str>) -> Result<&str, Failure> {
    // It stands in a path.
    let good = |id: &&str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        !id.is_empty() && id.bytes().all(plain)
    };
    named.filter(good).ok_or_else(|| {
        Failure::Other("the tenant has no account yet: its status names none".to_owned())
    })
}

/// What a change of plan would cost. The failure is that of who asked and was not answered.
pub async fn price(
    access: &Access,
    reach: &Reach,
    asked: &Prices,
    of: Option<&str>,
    key: &str,
) -> (Price, Option<Failure>) {
    let scope = "the scope billing:plan";
    let mut price = Price { plan: key.to_owned(), ..Price::default() };
    let told = async {
        let Some(mut api) = Api::open(access, reach, asked).await? else {
            price.not_shown = Some(no_token(scope));
            return Ok(());
        };
        price.list = api.get::<PriceList>(&price_list()).await?.plans;
        if !api.has_token() {
            price.not_shown = Some(no_token(scope));
            return Ok(());
        }
        let wish = PlanIn { plan: key.to_owned(), preview: true };
        let change: PlanChangeOut = api.post(&plan(account(of)?), &wish).await?;
        price.change = Some(change);
        Ok::<(), Failure>(())
    };
    let failure = Box::pin(told).await.err();
    if let Some(failure) = &failure {
        price.not_shown = Some(failure.to_string());
    }
    price.keep_those_concerned();
    (price, failure)
}

/// What an account came to and will come to. The failure is that of who asked and was not answered.
pub async fn billed(
    access: &Access,
    reach: &Reach,
    asked: &Prices,
    of: Option<&str>,
) -> (Bill, Option<Failure>) {
    let mut shown = Bill::default();
    let told = async {
        let api = Api::open(access, reach, asked).await?.filter(Api::has_token);
        let Some(mut api) = api else {
            let scope =
                "the role CustomerSuccessManager and the scope billing:read, or billing:read:own";
            shown.not_shown = Some(no_token(scope));
            return Ok(());
        };
        let id = account(of)?;
        shown.usage = Some(api.get(&usage(id)).await?);
        shown.bill = Some(api.get(&bill(id)).await?);
        Ok::<(), Failure>(())
    };
    let failure = Box::pin(told).await.err();
    if let Some(failure) = &failure {
        shown.not_shown = Some(failure.to_string());
    }
    (shown, failure)
}
