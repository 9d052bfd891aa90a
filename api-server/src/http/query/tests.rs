use super::*;

const GRAMMAR: Grammar = Grammar {
    filters: &[("plan", &[Op::Eq, Op::In]), ("ratio", &[Op::Eq, Op::Gt, Op::Gte, Op::Lt])],
    sorts: &["account", "ratio"],
};

fn list(query: &str) -> Result<ListQuery, Problem> {
    let uri: Uri = format!("/x?{query}").parse().unwrap();
    Parameters::of(&uri)?.list(GRAMMAR)
}

#[test]
fn a_bare_query_is_the_first_page_in_the_default_order() {
    let query = list("").unwrap();
    assert_eq!(
        (query.sort, query.descending, query.size, query.after),
        ("account", false, PAGE, None)
    );
}

#[test]
fn filters_order_and_page_are_read() {
    let query = list("filter[ratio][gte]=0.95&filter%5Bplan%5D%5Bin%5D=team,scale&sort=ratio+desc&page[size]=5&page[after]=x").unwrap();
    assert_eq!(query.filter("plan").unwrap().value, "team,scale");
    assert_eq!(query.filter("ratio").unwrap().op, Op::Gte);
    assert_eq!((query.sort, query.descending, query.size), ("ratio", true, 5));
    assert_eq!(query.after.as_deref(), Some("x"));
}

#[test]
fn what_is_not_known_is_refused_by_name() {
    for (query, parameter) in [
        ("plan=team", "plan"),
        ("filter[plan]=team", "filter[plan]"),
        ("filter[plans][eq]=team", "filter[plans][eq]"),
        ("filter[plan][gte]=team", "filter[plan][gte]"),
        ("filter[ratio][lte]=1", "filter[ratio][lte]"),
        ("filter[plan][EQ]=team", "filter[plan][EQ]"),
        ("filter[plan][eq]=", "filter[plan][eq]"),
        ("filter[plan][eq]=a&filter[plan][eq]=b", "filter[plan][eq]"),
        ("filter[plan][eq]=a&filter[plan][in]=b", "filter[plan][in]"),
        ("filter[ratio][gte]=1&filter[ratio][gte]=2", "filter[ratio][gte]"),
        ("filter[ratio][gt]=1&filter[ratio][gte]=2", "filter[ratio][gte]"),
        ("filter[ratio][lt]=2&filter[ratio][eq]=1", "filter[ratio][eq]"),
        ("sort=plan", "sort"),
        ("sort=ratio down", "sort"),
        ("sort=ratio%20desc&sort=account", "sort"),
        ("page[size]=0", "page[size]"),
        ("page[size]=1001", "page[size]"),
        ("page[size]=-1", "page[size]"),
        ("page[number]=2", "page[number]"),
    ] {
        let problem = list(&query.replace(' ', "%20")).unwrap_err();
        let body = problem.body("", "");
        assert_eq!((body.status, body.errors[0].pointer.as_str()), (400, parameter), "{query}");
    }
}

#[test]
fn a_field_is_bounded_from_both_sides_in_any_order() {
    let from_to = "filter[ratio][gte]=2026-01-01T00:00:00Z&filter[ratio][lt]=2026-02-01T00:00:00Z";
    let (from, to) = from_to.split_once('&').unwrap();
    let query = list(from_to).unwrap();
    let between = query.between("ratio").unwrap();
    assert_eq!(between.from, Some("2026-01-01T00:00:00Z".parse().unwrap()));
    assert_eq!(between.to, Some("2026-02-01T00:00:00Z".parse().unwrap()));
    let turned = list(&format!("{to}&{from}")).unwrap();
    assert_eq!(turned.list("/x", ""), query.list("/x", ""));
    let next: Uri = query.next("/x", "C").parse().unwrap();
    assert_eq!(Parameters::of(&next).unwrap().list(GRAMMAR).unwrap().filters, query.filters);
    let half = list("filter[ratio][lt]=yesterday").unwrap();
    assert_eq!(
        half.between("ratio").unwrap_err().body("", "").errors[0].pointer,
        "filter[ratio][lt]"
    );
}

#[test]
fn the_next_page_has_the_same_list() {
    let query = list("filter[plan][in]=a%26b,c&sort=ratio%20desc&page[size]=5").unwrap();
    let next: Uri = query.next("/x", "CURSOR").parse().unwrap();
    let next = Parameters::of(&next).unwrap().list(GRAMMAR).unwrap();
    assert_eq!(next.after.as_deref(), Some("CURSOR"));
    assert_eq!(next.list("/x", "all"), query.list("/x", "all"));
    assert_eq!(next.size, 5);
}

#[test]
fn lists_differ_by_all_that_chooses_their_rows() {
    let base = list("filter[plan][eq]=a").unwrap();
    for other in [
        "",
        "filter[plan][eq]=b",
        "filter[plan][in]=a",
        "filter[plan][eq]=a&sort=ratio",
        "filter[plan][eq]=a&sort=account%20desc",
    ] {
        assert_ne!(list(other).unwrap().list("/x", "all"), base.list("/x", "all"), "{other}");
    }
    assert_ne!(base.list("/y", "all"), base.list("/x", "all"));
    assert_ne!(base.list("/x", "acme"), base.list("/x", "all"));
    assert_eq!(
        list("filter[plan][eq]=a&page[size]=3").unwrap().list("/x", ""),
        base.list("/x", "")
    );
}
