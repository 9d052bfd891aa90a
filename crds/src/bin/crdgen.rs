//! Writes what is generated from the definitions, and the reference of the chart's values:
//! `crdgen [--definitions FOLDER] [--reference FILE] [--chart FOLDER] [--values FILE]`.

use std::{fs, path::Path, process::ExitCode};

use serde_json::Value;

const USAGE: &str = "usage: crdgen [--definitions FOLDER] [--reference FILE] \
                     [--chart FOLDER [--values FILE]]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|a| a == name)?;
        arguments.get(at + 1).map(Path::new)
    };
    let names = ["--definitions", "--reference", "--chart", "--values"];
    let known = arguments.chunks(2).all(|p| p.len() == 2 && names.contains(&p[0].as_str()));
    let (chart, values) = (value("--chart"), value("--values"));
    if arguments.is_empty() || !known || (values.is_some() && chart.is_none()) {
        eprintln_error(USAGE);
        return ExitCode::from(2);
    }
    let result = [
        value("--definitions").map(write_definitions),
        value("--reference").map(write_reference),
        chart.map(write_into_chart),
        chart.zip(values).map(|(chart, file)| write_values(chart, file)),
    ];
    match result.into_iter().flatten().collect::<Result<(), String>>() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln_error(&error);
            ExitCode::FAILURE
        }
    }
}

fn write_definitions(folder: &Path) -> Result<(), String> {
    for (file, crd) in crds::all() {
        let yaml = crds::manifest::yaml(&crd).map_err(|e| format!("{file}: {e}"))?;
        write(&folder.join(file), &yaml)?;
    }
    Ok(())
}

fn write_into_chart(chart: &Path) -> Result<(), String> {
    for (file, crd) in crds::all() {
        let yaml = crds::manifest::yaml_in_chart(&crd).map_err(|e| format!("{file}: {e}"))?;
        write(&chart.join("crds").join(file), &yaml)?;
    }
    Ok(())
}

fn write_reference(file: &Path) -> Result<(), String> {
    let definitions = crds::all().map(|(_, crd)| crd);
    write(file, &crds::reference::markdown(&definitions)?)
}

fn write_values(chart: &Path, file: &Path) -> Result<(), String> {
    let schema = read(&chart.join("values.schema.json"))?;
    let defaults = read(&chart.join("values.yaml"))?;
    write(file, &crds::values::markdown(&schema, &defaults)?)
}

/// A YAML or JSON file.
fn read(path: &Path) -> Result<Value, String> {
    let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    serde_saphyr::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|e| format!("cannot write {}: {e}", path.display()))
}

#[expect(clippy::print_stderr, reason = "a command-line program's error text")]
fn eprintln_error(text: &str) {
    eprintln!("{text}");
}
