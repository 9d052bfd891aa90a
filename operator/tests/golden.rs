//! What the example profiles render to, whole, and the rules that every stack keeps.
//!
//! `TENANTRY_UPDATE_GOLDEN=1 cargo test -p tenantry-operator --test golden` writes the files anew; if
//! a committed one changes, raise `desired::RENDERER`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "golden/dashboard.rs"]
mod dashboard;
#[path = "golden/form.rs"]
mod form;
#[path = "golden/pods.rs"]
mod pods;
#[path = "golden/rules.rs"]
mod rules;
#[path = "golden/support.rs"]
mod support;
#[path = "golden/walk.rs"]
mod walk;

use std::{fs, path::PathBuf};

#[test]
fn the_examples_render_as_committed() {
    for case in ["dev", "prod", "prod-gpu"] {
        let bodies: Vec<_> = support::objects(case).into_iter().map(|o| o.body).collect();
        let rendered = crds::manifest::yaml_stream(&bodies).unwrap();
        let path =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{case}.yaml"));
        if std::env::var_os("TENANTRY_UPDATE_GOLDEN").is_some() {
            fs::write(&path, &rendered).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        if let Some((line, (now, was))) =
            rendered.lines().zip(committed.lines()).enumerate().find(|(_, (a, b))| a != b)
        {
            panic!("{}:{}: committed {was:?}, rendered {now:?}", path.display(), line + 1);
        }
        assert!(rendered == committed, "{}: one is longer than the other", path.display());
    }
}

#[test]
fn the_golden_file_reads_back_as_what_was_rendered() {
    for case in ["dev", "prod", "prod-gpu"] {
        let bodies: Vec<_> = support::objects(case).into_iter().map(|o| o.body).collect();
        let text = crds::manifest::yaml_stream(&bodies).unwrap();
        let read: Vec<serde_json::Value> = serde_saphyr::from_multiple(&text).unwrap();
        assert_eq!(read, bodies, "{case}");
    }
}
