//! The image's one program. It is the API server or the operator, by the name that it is called: two
//! programs of their own would carry most of their libraries twice.

use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;

/// The allocator of musl, which images have, is slow where threads share it.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What the program can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    ApiServer,
    Operator,
}

impl Part {
    /// By the file name in the path that the program was called with; none for another name.
    fn called(path: &OsStr) -> Option<Self> {
        match Path::new(path).file_name()?.to_str()? {
            "api-server" => Some(Self::ApiServer),
            "tenantry-operator" => Some(Self::Operator),
            _ => None,
        }
    }
}

fn main() -> ExitCode {
    let path = std::env::args_os().next().unwrap_or_default();
    match Part::called(&path) {
        Some(Part::ApiServer) => api_server::cli::main(),
        Some(Part::Operator) => operator::program::main(),
        None => {
            complain(&path);
            ExitCode::from(2)
        }
    }
}

#[expect(clippy::print_stderr, reason = "nothing that logs has begun")]
fn complain(path: &OsStr) {
    eprintln!(
        "{}: this program goes by the name it is called: call it as api-server or tenantry-operator, by a \
         link of that name",
        path.display()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(path: &str) -> Option<Part> {
        Part::called(OsStr::new(path))
    }

    #[test]
    fn is_what_the_last_part_of_its_path_says() {
        assert_eq!(called("/api-server"), Some(Part::ApiServer));
        assert_eq!(called("api-server"), Some(Part::ApiServer));
        assert_eq!(called("/opt/tenantry/tenantry-operator"), Some(Part::Operator));
    }

    #[test]
    fn is_nothing_by_another_name() {
        for path in ["/tenantry", "", "/", "/api-server/..", "/api-server-2", "/API-SERVER"] {
            assert_eq!(called(path), None, "{path}");
        }
    }
}
