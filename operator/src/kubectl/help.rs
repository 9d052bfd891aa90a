//! The help's last lines. Pure.

/// What follows the list of options.
pub const AFTER: &str = "Exit codes: 0 done; 1 refused; 2 not written right; 3 does not exist; 4 not allowed; \
     5 no answer; 6 not in time; 7 not ready (with --exit-code).";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::failure::CODES;

    #[test]
    fn the_last_lines_name_every_exit_code() {
        for (code, _) in CODES {
            assert!(AFTER.contains(&format!("{code} ")), "{code}");
        }
    }
}
