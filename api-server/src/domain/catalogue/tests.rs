use super::*;
use crate::domain::{
    meter::Meter,
    money::Currency,
    quantity::Quantity,
    rating::{Price, Usage},
};

mod imports;
mod reading;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn shipped() -> Catalogue {
    Catalogue::shipped().unwrap()
}

/// A version on sale from one day up to another; `-` for none.
fn version(plan: &str, number: u32, base: &str, from: &str, to: &str) -> PlanVersion {
    let day = |day: &str| (day != "-").then(|| format!("{day}T00:00:00Z"));
    let team = shipped().live("team", at("2026-06-01T00:00:00Z")).unwrap().clone();
    let mut document = VersionDocument::from(&team);
    document.plan = plan.to_owned();
    document.version = number;
    document.base = base.to_owned();
    document.effective_from = day(from);
    document.effective_to = day(to);
    document.read("").unwrap()
}

fn catalogue(versions: &[PlanVersion]) -> Catalogue {
    Catalogue::new(versions.to_vec()).unwrap()
}

fn id(plan: &str, version: u32) -> PlanId {
    PlanId { plan: plan.to_owned(), version }
}

#[test]
fn the_shipped_plans_are_those_of_the_price_list() {
    let now = at("2026-11-23T00:00:00Z");
    let list: Vec<_> = shipped()
        .live_plans(now)
        .into_iter()
        .map(|plan| {
            let terms = &plan.terms;
            let price = |meter: Meter| {
                let charge = &terms.charges[&meter];
                assert_eq!((charge.minimum, charge.maximum), (None, None));
                let Price::Flat(each) = charge.price else { panic!("{meter} is not flat") };
                format!("{} / {each}", charge.included)
            };
            let meters = [Meter::Agents, Meter::Ingestion, Meter::Query, Meter::Timeline];
            assert_eq!(terms.charges.len(), meters.len());
            let head = format!("{} {} {}h", plan.id, terms.base, terms.support_hours);
            (head, meters.map(price).join(", "))
        })
        .collect();
    let want = [
        ("starter@1 USD 299.00 24h", "10000 / 0.05, 50 / 0.40, 100000 / 0.001, 200000 / 0.0004"),
        ("team@1 USD 899.00 8h", "40000 / 0.03, 500 / 0.30, 1000000 / 0.0006, 2000000 / 0.0002"),
        (
            "scale@1 USD 2499.00 2h",
            "150000 / 0.015, 2500 / 0.20, 10000000 / 0.0003, 20000000 / 0.0001",
        ),
    ];
    assert_eq!(list, want.map(|(head, meters)| (head.to_owned(), meters.to_owned())));
}

#[test]
fn a_shipped_plan_prices_all_its_meters() {
    let shipped = shipped();
    let team = shipped.get(&id("team", 1)).unwrap();
    let used = |meter, units| (meter, Quantity::from_units(units).unwrap());
    let usage = Usage::from([
        used(Meter::Agents, 45_000),
        used(Meter::Ingestion, 600),
        used(Meter::Query, 1_500_000),
        used(Meter::Timeline, 2_000_001),
        used(Meter::Signup, 1_000),
    ]);
    // 899.00 + 150.00 + 30.00 + 300.00 + 0.00.
    assert_eq!(team.terms.rate(&usage).unwrap().total.amount(), "1379.00");
}

#[test]
fn a_version_is_scheduled_then_active_then_archived() {
    let catalogue = catalogue(&[version("team", 1, "9", "2026-03-01", "2026-09-01")]);
    let team = catalogue.get(&id("team", 1)).unwrap();
    let cases = [
        ("2026-02-28T23:59:59.999Z", Status::Scheduled),
        ("2026-03-01T00:00:00Z", Status::Active),
        ("2026-08-31T23:59:59.999Z", Status::Active),
        ("2026-09-01T00:00:00Z", Status::Archived),
    ];
    for (now, status) in cases {
        assert_eq!(catalogue.status(team, at(now)), status, "{now}");
        let live = catalogue.live("team", at(now)).is_some();
        assert_eq!(live, status == Status::Active, "{now}");
        assert_eq!(catalogue.live_plans(at(now)).len(), usize::from(live), "{now}");
    }
}

#[test]
fn a_version_without_a_date_is_a_draft_for_ever() {
    let catalogue = catalogue(&[
        version("team", 1, "9", "2026-03-01", "-"),
        version("team", 2, "8", "-", "-"),
        version("team", 3, "7", "2026-04-01", "-"),
    ]);
    let draft = catalogue.get(&id("team", 2)).unwrap();
    assert_eq!(catalogue.status(draft, at("2036-01-01T00:00:00Z")), Status::Draft);
    assert_eq!(catalogue.ends(draft), None);
    // It does not end the version before it either.
    let first = catalogue.get(&id("team", 1)).unwrap();
    assert_eq!(catalogue.ends(first), Some(at("2026-04-01T00:00:00Z")));
}

#[test]
fn the_next_version_ends_the_one_before() {
    let catalogue = catalogue(&[
        version("team", 1, "9", "2026-01-01", "-"),
        version("team", 2, "10", "2026-06-01", "-"),
        version("teams", 1, "1", "2026-02-01", "-"),
    ]);
    let live = |now: &str| catalogue.live("team", at(now)).map(|v| v.id.version);
    assert_eq!(live("2025-12-31T23:59:59Z"), None);
    assert_eq!(live("2026-05-31T23:59:59Z"), Some(1));
    assert_eq!(live("2026-06-01T00:00:00Z"), Some(2));
    let first = catalogue.get(&id("team", 1)).unwrap();
    assert_eq!(catalogue.status(first, at("2026-06-01T00:00:00Z")), Status::Archived);
}

#[test]
fn whichever_comes_first_ends_a_version() {
    let ends = |to: &str| {
        let catalogue = catalogue(&[
            version("team", 1, "9", "2026-01-01", to),
            version("team", 2, "10", "2026-06-01", "-"),
        ]);
        catalogue.ends(catalogue.get(&id("team", 1)).unwrap()).unwrap().to_string()
    };
    assert_eq!(ends("2026-03-01"), "2026-03-01T00:00:00Z");
    assert_eq!(ends("2026-09-01"), "2026-06-01T00:00:00Z");
}

#[test]
fn a_plan_that_ended_does_not_fall_back_to_an_older_version() {
    let catalogue = catalogue(&[
        version("team", 1, "9", "2026-01-01", "-"),
        version("team", 2, "10", "2026-06-01", "2026-07-01"),
    ]);
    assert_eq!(catalogue.live("team", at("2026-07-01T00:00:00Z")), None);
}

#[test]
fn plans_on_sale_are_listed_by_base_fee_then_by_key() {
    let catalogue = catalogue(&[
        version("a", 1, "20", "2026-01-01", "-"),
        version("b", 1, "10", "2026-01-01", "-"),
        version("c", 1, "10", "2026-01-01", "-"),
        version("d", 1, "10", "2027-01-01", "-"),
    ]);
    let live = catalogue.live_plans(at("2026-06-01T00:00:00Z"));
    let names: Vec<_> = live.iter().map(|v| v.id.to_string()).collect();
    assert_eq!(names, ["b@1", "c@1", "a@1"]);
}

#[test]
fn a_version_cannot_be_there_twice() {
    let one = version("team", 1, "9", "2026-01-01", "-");
    let error = Catalogue::new(vec![version("a", 1, "9", "-", "-"), one.clone(), one]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "/plans/2/version: team@1 is there twice; give the later one the next version"
    );
}

#[test]
fn a_later_version_starts_later() {
    for from in ["2026-01-01", "2025-06-01"] {
        let versions =
            vec![version("team", 2, "9", from, "-"), version("team", 1, "9", "2026-01-01", "-")];
        assert_eq!(
            Catalogue::new(versions).unwrap_err().to_string(),
            "/plans/0/effective_from: team@2 must be effective after team@1: give a later date"
        );
    }
}

#[test]
fn statuses_have_the_names_of_the_wire() {
    let all = [Status::Draft, Status::Scheduled, Status::Active, Status::Archived];
    assert_eq!(all.map(Status::name), ["draft", "scheduled", "active", "archived"]);
}

#[test]
fn the_hash_is_of_what_the_terms_mean() {
    let one = version("team", 1, "899.00", "2026-01-01", "-");
    // Another spelling, name and date, the same terms.
    let other = version("crew", 2, "899", "2026-05-01", "2026-06-01");
    assert_eq!(one.terms_hash(), other.terms_hash());
    assert_eq!(one.terms_hash().to_string().len(), 64);
}

#[test]
fn every_field_of_the_terms_is_in_the_hash() {
    let base = VersionDocument::from(&version("team", 1, "899.00", "2026-01-01", "-"));
    let edits: [fn(&mut VersionDocument); 10] = [
        |_| (),
        |d| d.base = "899.01".to_owned(),
        |d| d.currency = "EUR".to_owned(),
        |d| d.support_hours = 9,
        |d| query(d).included = "1000001".to_owned(),
        |d| query(d).minimum = Some("0.00".to_owned()),
        |d| query(d).maximum = Some("0.00".to_owned()),
        |d| query(d).price = PriceDocument::Flat("0.0007".to_owned()),
        |d| query(d).price = PriceDocument::Graduated(vec![tier(None, "0.0006")]),
        |d| query(d).price = PriceDocument::Volume(vec![tier(None, "0.0006")]),
    ];
    let mut hashes: Vec<_> = edits
        .iter()
        .map(|edit| {
            let mut document = base.clone();
            edit(&mut document);
            document.read("").unwrap().terms_hash().to_string()
        })
        .collect();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), edits.len());
}

#[test]
fn the_hash_of_the_shipped_terms_stays_as_it_is() {
    // What is stored of published versions must stay comparable: if this fails, the spelling of
    // the terms' fields has changed, and stored catalogues would be refused.
    let hash = shipped().get(&id("team", 1)).unwrap().terms_hash().to_string();
    assert_eq!(hash, "415ee2bc90ede2c3b0e48804ff7f8d1be5f33b6382c2eeb19d8199c7ce3df891");
}

fn query(document: &mut VersionDocument) -> &mut ChargeDocument {
    document.meters.get_mut("query").unwrap()
}

fn tier(up_to: Option<&str>, price: &str) -> TierDocument {
    TierDocument { up_to: up_to.map(str::to_owned), price: price.to_owned() }
}

#[test]
fn fields_name_every_tier() {
    let mut document = VersionDocument::from(&version("team", 1, "899.00", "2026-01-01", "-"));
    query(&mut document).price =
        PriceDocument::Graduated(vec![tier(Some("1000.0"), "0.50"), tier(None, "0.4")]);
    let package = PriceDocument::Package { size: "10".to_owned(), price: "2".to_owned() };
    document.meters.get_mut("agents").unwrap().price = package;
    let fields = fields(&document.read("").unwrap().terms);
    let of = |field: &str| fields.get(field).map(String::as_str);
    assert_eq!(of("/meters/query/price/graduated/0/up_to"), Some("1000"));
    assert_eq!(of("/meters/query/price/graduated/0/price"), Some("0.50"));
    assert_eq!(of("/meters/query/price/graduated/1/up_to"), None);
    assert_eq!(of("/meters/query/price/graduated/1/price"), Some("0.40"));
    assert_eq!(of("/meters/agents/price/package/size"), Some("10"));
    assert_eq!(of("/meters/agents/price/package/price"), Some("2.00"));
    assert_eq!(of("/currency"), Some(Currency::USD.code()));
}
