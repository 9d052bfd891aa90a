//! The answer as a tree. Pure.

use super::{Cause, Why};
use crate::kubectl::words::{Style, Tone, short};

/// The widest text before who says so is put beside it.
const ASIDE: usize = 76;
/// Longer texts than this are left to `-o yaml`.
const LONGEST: usize = 400;

/// Headline, a branch for each cause, what to do, what could not be seen.
#[must_use]
pub fn render(why: &Why, style: Style) -> String {
    let tone = if why.ready && why.causes.is_empty() { Tone::Good } else { Tone::Head };
    let mut lines = vec![style.paint(tone, &why.headline)];
    for (index, cause) in why.causes.iter().enumerate() {
        branch(cause, index + 1 == why.causes.len(), style, &mut lines);
    }
    let mut told: Vec<&str> = Vec::new();
    for remedy in why.causes.iter().flat_map(|cause| &cause.remedies) {
        if !told.contains(&remedy.as_str()) {
            told.push(remedy);
            lines.push(format!("→ {remedy}"));
        }
    }
    if !why.unseen.is_empty() {
        let unseen = format!("not looked at, you may not see them: {}", why.unseen.join(", "));
        lines.push(style.paint(Tone::Dim, &unseen));
    }
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

fn branch(cause: &Cause, last: bool, style: Style, lines: &mut Vec<String>) {
    let rail = if last { "   " } else { "│  " };
    for (depth, link) in cause.chain.iter().enumerate() {
        let (lead, under) = match depth {
            0 => (if last { "└─ " } else { "├─ " }.to_owned(), rail.to_owned()),
            _ => {
                let blank = "   ".repeat(depth - 1);
                (format!("{rail}{blank}└─ "), format!("{rail}{blank}   "))
            }
        };
        let mut line = format!("{lead}{}", short(&link.text, LONGEST));
        if let Some(by) = &link.by {
            let gap = ASIDE.saturating_sub(line.chars().count()).max(2);
            line.push_str(&" ".repeat(gap));
            line.push_str(&style.paint(Tone::Dim, &format!("({by})")));
        }
        lines.push(line);
        for note in &link.notes {
            lines.push(format!("{under}{}", style.paint(Tone::Dim, note)));
        }
    }
}
