//! The one table that is printed.

use serde::Serialize;

/// One row.
#[derive(Serialize)]
pub struct Row {
    measure: String,
    value: f64,
    unit: &'static str,
    /// `None`: said for information.
    goal: Option<f64>,
    /// Which way the goal goes: `≤` or `≥`.
    at: &'static str,
    met: Option<bool>,
}

/// The rows, in order.
#[derive(Default)]
pub struct Table(Vec<Row>);

impl Table {
    /// Adds a row whose value is to be at most `goal`.
    pub fn goal(&mut self, measure: &str, value: f64, unit: &'static str, goal: f64) {
        self.add(measure, value, unit, Some(goal), "≤");
    }

    /// Adds a row whose value is to be at least `goal`.
    #[allow(dead_code, reason = "this file is part of several programs")]
    pub fn least(&mut self, measure: &str, value: f64, unit: &'static str, goal: f64) {
        self.add(measure, value, unit, Some(goal), "≥");
    }

    /// Adds a row for information.
    pub fn note(&mut self, measure: &str, value: f64, unit: &'static str) {
        self.add(measure, value, unit, None, "≤");
    }

    fn add(
        &mut self,
        measure: &str,
        value: f64,
        unit: &'static str,
        goal: Option<f64>,
        at: &'static str,
    ) {
        let value = (value * 1000.0).round() / 1000.0;
        eprintln!("  {measure}: {value} {unit}");
        let met = goal.map(|goal| if at == "≥" { value >= goal } else { value <= goal });
        self.0.push(Row { measure: measure.to_owned(), value, unit, goal, at, met });
    }

    /// As Markdown.
    pub fn print(&self) {
        println!("| measure | value | unit | goal | met |\n|---|---:|---|---:|---|");
        for row in &self.0 {
            let goal = row.goal.map_or_else(|| "-".to_owned(), |g| format!("{} {g}", row.at));
            let met = row.met.map_or("-", |met| if met { "yes" } else { "no" });
            println!("| {} | {} | {} | {goal} | {met} |", row.measure, row.value, row.unit);
        }
    }

    /// As JSON.
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(&self.0)
    }
}
