//! A catalogue file: YAML, with strict fields.

use serde::Deserialize;
use serde_path_to_error::{Path, Segment};

use super::{Catalogue, CatalogueError, VersionDocument, document::escape};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    plans: Vec<VersionDocument>,
}

pub(super) fn read(text: &str) -> Result<Catalogue, CatalogueError> {
    let file = parse(text)?;
    if file.plans.is_empty() {
        let problem = "must have a plan".to_owned();
        return Err(CatalogueError { pointer: "/plans".to_owned(), problem });
    }
    let versions = file.plans.iter().enumerate().map(|(i, p)| p.read(&format!("/plans/{i}")));
    Catalogue::new(versions.collect::<Result<_, _>>()?)
}

fn parse(text: &str) -> Result<File, CatalogueError> {
    let mut place = String::new();
    let file = serde_saphyr::with_deserializer_from_str(text, |deserializer| {
        serde_path_to_error::deserialize(deserializer).map_err(|error| {
            place = pointer(error.path());
            error.into_inner()
        })
    });
    file.map_err(|error| {
        let error = error.without_snippet();
        let problem = error.render_with_formatter(&serde_saphyr::UserMessageFormatter);
        CatalogueError { pointer: place, problem }
    })
}

fn pointer(path: &Path) -> String {
    let segment = |segment: &Segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", escape(key)),
        Segment::Enum { variant } => format!("/{}", escape(variant)),
        Segment::Unknown => String::new(),
    };
    path.iter().map(segment).collect()
}
