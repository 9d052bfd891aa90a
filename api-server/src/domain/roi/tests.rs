use proptest::prelude::*;

use super::*;

fn usd(amount: &str) -> Money {
    Money::parse(amount, Currency::USD).unwrap()
}

fn hours(text: &str) -> Quantity {
    text.parse().unwrap()
}

fn worked() -> Inputs {
    Inputs {
        departments: vec![Department {
            people: 12,
            hours_per_week: Range::all(hours("4")),
            weeks_per_year: 46,
        }],
        salary: usd("52000"),
        burden: BasisPoints(3_000),
        productive_hours: USUAL_PRODUCTIVE_HOURS,
        realisation: USUAL_REALISATION,
        risk: BasisPoints(1_500),
        error_cost_avoided: usd("0"),
        subscription: usd("18000"),
        run_cost: usd("3000"),
        one_off: usd("12000"),
        discount: USUAL_DISCOUNT,
        ramp: Vec::new(),
        years: USUAL_YEARS,
    }
}

fn base(inputs: &Inputs) -> Outcome {
    calculate(inputs).unwrap().outcomes.base
}

#[test]
fn the_worked_case() {
    let roi = calculate(&worked()).unwrap();
    assert_eq!(roi.hourly_rate.to_string(), "37.555555556");
    let base = roi.outcomes.base;
    assert_eq!(base.hours, hours("2208"));
    assert_eq!(base.benefit, usd("49338.99"));
    assert_eq!(base.annual_net, usd("28338.99"));
    assert_eq!(base.payback_months, Some(hours("5.1")));
    assert_eq!(base.present_benefit, usd("122698.76"));
    assert_eq!(base.present_cost, usd("64223.89"));
    assert_eq!(base.npv, usd("58474.87"));
    assert_eq!(div_round(base.roi.unwrap().0.into(), 1_000), Some(910), "91.0 %");
}

#[test]
fn gross_and_realised_hours_are_steps_of_it() {
    let with = |realisation, risk| {
        let realisation = Range::all(BasisPoints(realisation));
        base(&Inputs { realisation, risk: BasisPoints(risk), ..worked() }).benefit
    };
    assert_eq!(with(10_000, 0), usd("82922.67"));
    assert_eq!(with(7_000, 0), usd("58045.87"));
    assert_eq!(with(7_000, 1_500), usd("49338.99"));
}

#[test]
fn half_a_first_year() {
    let ramped = base(&Inputs { ramp: vec![BasisPoints(5_000)], ..worked() });
    assert_eq!(ramped.npv, usd("36048.05"));
    assert_eq!(ramped.annual_net, usd("28338.99"), "of a full year");
}

#[test]
fn estimates_range_by_hours_and_realisation() {
    let outcomes = calculate(&worked()).unwrap().outcomes;
    // 82 922.67 × 0.85 × 0.5 and × 0.8.
    assert_eq!(outcomes.low.benefit, usd("35242.13"));
    assert_eq!(outcomes.high.benefit, usd("56387.41"));
    let mut inputs = worked();
    inputs.departments[0].hours_per_week =
        Range { low: hours("2"), base: hours("4"), high: hours("6.5") };
    let outcomes = calculate(&inputs).unwrap().outcomes;
    let saved = [outcomes.low, outcomes.base, outcomes.high].map(|outcome| outcome.hours);
    assert_eq!(saved, [hours("1104"), hours("2208"), hours("3588")]);
    assert_eq!(outcomes.low.benefit, usd("17621.07"));
    assert_eq!(outcomes.low.payback_months, None, "17 621 is less than 21 000 a year");
}

#[test]
fn departments_add_up() {
    let mut inputs = worked();
    let first = inputs.departments[0];
    inputs.departments = vec![Department { people: 5, ..first }, Department { people: 7, ..first }];
    assert_eq!(calculate(&inputs), calculate(&worked()));
    inputs.departments[1].weeks_per_year = 23;
    assert_eq!(base(&inputs).hours, hours("1564"));
}

#[test]
fn errors_avoided_are_worth_what_they_cost() {
    let with = base(&Inputs { error_cost_avoided: usd("1000.01"), ..worked() });
    assert_eq!(with.benefit, usd("50339.00"));
}

#[test]
fn what_never_pays_back_says_so() {
    let at = |subscription| base(&Inputs { subscription, ..worked() });
    assert_eq!(at(usd("46338.99")).payback_months, None);
    assert!(at(usd("46338.99")).npv.minor() < 0);
    // Two thirds of a cent a year: not within a thousand years.
    assert_eq!(at(usd("46338.98")).payback_months, None);
    assert_eq!(at(usd("46218.99")).payback_months, Some(hours("1200")));
    // Half of 49,338.99 less 21,000 is 3,669.50 in the first year; the other 8,330.50 take 3.5 months of the second.
    let ramp = |shares: &[i64]| {
        let ramp = shares.iter().map(|&share| BasisPoints(share)).collect();
        base(&Inputs { ramp, ..worked() }).payback_months
    };
    assert_eq!((ramp(&[10_000]), ramp(&[5_000])), (Some(hours("5.1")), Some(hours("15.5"))));
    // A first year that loses has to be made up for: 12,000 + 6,198.30 at 28,338.99 a year.
    assert_eq!(ramp(&[3_000]), Some(hours("19.7")));
    let free = base(&Inputs { one_off: usd("0"), ..worked() });
    assert_eq!(free.payback_months, Some(Quantity::ZERO));
}

#[test]
fn what_costs_nothing_has_no_ratio() {
    let free = Inputs { subscription: usd("0"), run_cost: usd("0"), one_off: usd("0"), ..worked() };
    assert_eq!(base(&free).roi, None);
    assert_eq!(calculate(&free).unwrap().break_even_hours, Some(Quantity::ZERO));
}

#[test]
fn break_even_hours_are_where_npv_turns() {
    let needed = calculate(&worked()).unwrap().break_even_hours.unwrap();
    assert_eq!(needed, hours("2.09371"));
    let npv = |hours_per_week| {
        let mut inputs = worked();
        inputs.departments[0].hours_per_week = Range::all(hours_per_week);
        base(&inputs).npv.minor()
    };
    assert!(npv(needed) >= 0);
    assert!(npv(needed.checked_sub(hours("0.000001")).unwrap()) < 0);
    let ramped = Inputs { ramp: vec![BasisPoints(5_000)], ..worked() };
    assert_eq!(calculate(&ramped).unwrap().break_even_hours, Some(hours("2.561989")));
    let avoiding = Inputs { error_cost_avoided: usd("10000"), ..ramped };
    assert_eq!(calculate(&avoiding).unwrap().break_even_hours, Some(hours("1.751271")));
    let worthless = Inputs { realisation: Range::all(BasisPoints(0)), ..worked() };
    assert_eq!(calculate(&worthless).unwrap().break_even_hours, None);
    let errors_alone = Inputs { error_cost_avoided: usd("26000"), ..worthless };
    assert_eq!(calculate(&errors_alone).unwrap().break_even_hours, Some(Quantity::ZERO));
}

#[test]
fn currencies_without_and_with_three_decimals() {
    let convert =
        |money: Money, code: Currency, by: i64| Money::from_minor(money.minor() * by, code);
    let in_currency = |code, by| {
        let w = worked();
        Inputs {
            salary: convert(w.salary, code, by),
            error_cost_avoided: convert(w.error_cost_avoided, code, by),
            subscription: convert(w.subscription, code, by),
            run_cost: convert(w.run_cost, code, by),
            one_off: convert(w.one_off, code, by),
            ..w
        }
    };
    let yen = calculate(&in_currency(Currency::JPY, 1)).unwrap();
    assert_eq!(yen.outcomes.base.npv.to_string(), "JPY 5847487");
    assert_eq!(yen.hourly_rate.to_string(), "3755.555555556");
    let dinar = calculate(&in_currency(Currency::KWD, 10)).unwrap();
    assert_eq!(dinar.outcomes.base.npv.to_string(), "KWD 58474.865");
    assert_eq!(dinar.hourly_rate.to_string(), "37.555555556");
}

fn pointers(inputs: &Inputs) -> Vec<String> {
    calculate(inputs).unwrap_err().into_iter().map(|invalid| invalid.pointer).collect()
}

#[test]
fn each_assumption_has_limits_and_the_error_names_it() {
    type Edit = fn(&mut Inputs);
    let cases: [(&str, Edit); 22] = [
        ("/departments", |i| i.departments.clear()),
        ("/departments", |i| i.departments = vec![i.departments[0]; 51]),
        ("/departments/0/people", |i| i.departments[0].people = 0),
        ("/departments/0/people", |i| i.departments[0].people = 50_001),
        ("/departments/0/hours_per_week/low", |i| {
            i.departments[0].hours_per_week.low = hours("-0.000001");
        }),
        ("/departments/0/hours_per_week/low", |i| {
            i.departments[0].hours_per_week.low = hours("4.1");
        }),
        ("/departments/0/hours_per_week/high", |i| {
            i.departments[0].hours_per_week.high = hours("80.1");
        }),
        ("/departments/0/weeks_per_year", |i| i.departments[0].weeks_per_year = 53),
        ("/departments/0/weeks_per_year", |i| i.departments[0].weeks_per_year = 0),
        ("/salary/amount", |i| i.salary = usd("0")),
        ("/salary/amount", |i| i.salary = usd("10000000000.01")),
        ("/error_cost_avoided/amount", |i| i.error_cost_avoided = usd("-0.01")),
        ("/subscription/currency", |i| i.subscription = Money::from_minor(1, Currency::EUR)),
        ("/run_cost/amount", |i| i.run_cost = usd("10000000000000.01")),
        ("/one_off/amount", |i| i.one_off = usd("-1")),
        ("/burden", |i| i.burden = BasisPoints(20_001)),
        ("/productive_hours", |i| i.productive_hours = 999),
        ("/realisation/high", |i| i.realisation.high = BasisPoints(6_999)),
        ("/risk", |i| i.risk = BasisPoints(10_001)),
        ("/discount", |i| i.discount = BasisPoints(-1)),
        ("/years", |i| i.years = 11),
        ("/ramp/1", |i| i.ramp = vec![BasisPoints(0), BasisPoints(10_001)]),
    ];
    for (pointer, edit) in cases {
        let mut inputs = worked();
        edit(&mut inputs);
        assert_eq!(pointers(&inputs), [pointer]);
    }
}

#[test]
fn the_limits_themselves_are_allowed() {
    let widest = Department {
        people: 50_000,
        hours_per_week: Range { low: hours("0"), base: hours("0"), high: hours("80") },
        weeks_per_year: 52,
    };
    let inputs = Inputs {
        departments: vec![widest; 50],
        burden: BasisPoints(20_000),
        productive_hours: 1_000,
        risk: BasisPoints(0),
        discount: BasisPoints::ONE,
        ramp: vec![BasisPoints(0); 10],
        years: 10,
        one_off: usd("10000000000000"),
        ..worked()
    };
    assert!(calculate(&inputs).is_ok());
    // Each within its limits, together too much for an amount.
    let inputs = Inputs { salary: usd("10000000000"), ramp: Vec::new(), ..inputs };
    let errors = calculate(&inputs).unwrap_err();
    assert_eq!(errors[0].pointer, "");
    assert!(errors[0].message.contains("lower people or salary"));
}

#[test]
fn all_problems_are_told_at_once_in_words() {
    let inputs = Inputs {
        years: 0,
        ramp: vec![BasisPoints(5_000)],
        risk: BasisPoints(-1),
        one_off: Money::from_minor(-5, Currency::EUR),
        ..worked()
    };
    let said: Vec<String> =
        calculate(&inputs).unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "/one_off/currency must be in USD, like the salary",
            "/one_off/amount must be from 0.00 to 10000000000000.00",
            "/risk must be from 0 to 1",
            "/years must be from 1 to 10",
            "/ramp must have at most one share for each of 0 years",
        ]
    );
}

/// Powers and quotients as exact fractions over one denominator: `(numerator, denominator)`.
fn exact_npv(inputs: &Inputs, hours: i128, realisation: i128) -> (i128, i128) {
    let (salary, burden) = (i128::from(inputs.salary.minor()), i128::from(inputs.burden.0));
    let risk = i128::from(inputs.risk.0);
    let productive = i128::from(inputs.productive_hours);
    // benefit = numerator ÷ (10^12 × productive), in minor units
    let scale = 1_000_000_000_000 * productive;
    let benefit = hours * salary * (10_000 + burden) * realisation * (10_000 - risk)
        + i128::from(inputs.error_cost_avoided.minor()) * scale;
    let cost = i128::from(inputs.subscription.minor() + inputs.run_cost.minor()) * scale;
    // With rates of whole percents, (1 + i)^t = (100 + p)^t ÷ 100^t.
    let (percent, years) = (100 + i128::from(inputs.discount.0) / 100, inputs.years);
    let denominator = percent.pow(years);
    let net: i128 =
        (1..=years).map(|t| (benefit - cost) * 100_i128.pow(t) * percent.pow(years - t)).sum();
    (net - i128::from(inputs.one_off.minor()) * scale * denominator, scale * denominator)
}

prop_compose! {
    fn cases()(
        people in 1_u32..500, weekly in 0_i64..20, more in 0_i64..10, weeks in 1_u32..=52,
        salary in 1_000_000_i64..20_000_000, burden in 0_i64..60, risk in 0_i64..100,
        errors in 0_i64..1_000_000, subscription in 0_i64..5_000_000, run in 0_i64..500_000,
        one_off in 0_i64..9_000_000, discount in 0_i64..30, years in 1_u32..=3,
    ) -> Inputs {
        let money = |minor| Money::from_minor(minor, Currency::USD);
        let hour = |n| Quantity::from_units(n).unwrap();
        let hours_per_week = Range { low: hour(weekly), base: hour(weekly), high: hour(weekly + more) };
        Inputs {
            departments: vec![Department { people, hours_per_week, weeks_per_year: weeks }],
            salary: money(salary),
            burden: BasisPoints(burden * 100),
            risk: BasisPoints(risk * 100),
            error_cost_avoided: money(errors),
            subscription: money(subscription),
            run_cost: money(run),
            one_off: money(one_off),
            discount: BasisPoints(discount * 100),
            years,
            ..worked()
        }
    }
}

proptest! {
    /// The NPV is the exact fraction, rounded.
    #[test]
    fn npv_is_exact_to_half_a_cent(inputs in cases()) {
        let Department { people, hours_per_week, weeks_per_year } = inputs.departments[0];
        let hours = i128::from(people) * i128::from(weeks_per_year)
            * i128::from(hours_per_week.base.micros() / 1_000_000);
        let (numerator, denominator) = exact_npv(&inputs, hours, 7_000);
        let npv = i128::from(base(&inputs).npv.minor());
        // Half a minor unit, and a millionth of one for fixed point.
        let off = (npv * denominator - numerator).abs();
        prop_assert!(off - denominator / 2 <= denominator / 1_000_000);
    }

    /// Better estimates never give less.
    #[test]
    fn outcomes_rise_with_estimates(inputs in cases()) {
        let Range { low, base, high } = calculate(&inputs).unwrap().outcomes;
        prop_assert!(low.npv.minor() <= base.npv.minor() && base.npv.minor() <= high.npv.minor());
        prop_assert!(low.roi <= base.roi && base.roi <= high.roi);
        if let (Some(slow), Some(fast)) = (base.payback_months, high.payback_months) {
            prop_assert!(fast <= slow);
        }
    }

    /// More benefit raises, more cost, risk, ramp or discount of a gain lowers the NPV.
    #[test]
    fn npv_follows_benefit_and_cost(inputs in cases(), more in 1_i64..100_000) {
        let plus = |money: Money| Money::from_minor(money.minor() + more, money.currency());
        let npv = |inputs: &Inputs| base(inputs).npv.minor();
        let now = npv(&inputs);
        let with = |edit: &dyn Fn(&mut Inputs)| {
            let mut edited = inputs.clone();
            edit(&mut edited);
            npv(&edited)
        };
        prop_assert!(with(&|i| i.error_cost_avoided = plus(i.error_cost_avoided)) >= now);
        prop_assert!(with(&|i| i.salary = plus(i.salary)) >= now);
        prop_assert!(with(&|i| i.subscription = plus(i.subscription)) <= now);
        prop_assert!(with(&|i| i.run_cost = plus(i.run_cost)) <= now);
        prop_assert!(with(&|i| i.risk = BasisPoints(i.risk.0 + 1)) <= now);
        prop_assert!(with(&|i| i.ramp = vec![BasisPoints(9_000)]) <= now);
        prop_assert_eq!(with(&|i| i.one_off = plus(i.one_off)), now - more);
    }

    /// At break-even the NPV is not negative, a millionth of an hour earlier it is not positive.
    #[test]
    fn break_even_is_where_npv_turns(inputs in cases(), first_year in 1_i64..=10_000) {
        let inputs = Inputs { ramp: vec![BasisPoints(first_year)], ..inputs };
        let Some(needed) = calculate(&inputs).unwrap().break_even_hours else { return Ok(()) };
        prop_assume!(Quantity::ZERO < needed && needed <= hours("80"));
        let npv = |hours_per_week| {
            let mut even = inputs.clone();
            even.departments[0].hours_per_week = Range::all(hours_per_week);
            base(&even).npv.minor()
        };
        prop_assert!(npv(needed) >= 0);
        prop_assert!(npv(needed.checked_sub(hours("0.000001")).unwrap()) <= 0);
    }
}
