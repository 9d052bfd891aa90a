//! Writes the CustomResourceDefinitions into a folder, and their reference into a file:
//! `crdgen FOLDER [--reference FILE]`.

use std::{fs, path::Path, process::ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words[..] {
        [folder] => write_all(Path::new(folder)),
        [folder, "--reference", file] => {
            write_all(Path::new(folder)).and_then(|()| write_reference(Path::new(file)))
        }
        _ => {
            eprintln_error("usage: crdgen FOLDER [--reference FILE]");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln_error(&error);
            ExitCode::FAILURE
        }
    }
}

fn write_all(folder: &Path) -> Result<(), String> {
    for (file, crd) in crds::all() {
        let yaml = crds::manifest::yaml(&crd).map_err(|e| format!("{file}: {e}"))?;
        write(&folder.join(file), &yaml)?;
    }
    Ok(())
}

fn write_reference(file: &Path) -> Result<(), String> {
    let definitions = crds::all().map(|(_, crd)| crd);
    write(file, &crds::reference::markdown(&definitions)?)
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|e| format!("cannot write {}: {e}", path.display()))
}

#[expect(clippy::print_stderr, reason = "a command-line program's error text")]
fn eprintln_error(text: &str) {
    eprintln!("{text}");
}
