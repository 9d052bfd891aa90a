//! The reference of the codes that problems have.

use std::fmt::Write as _;

use api_server::http::problem::Code;

use super::cell;

const HEAD: &str = "
## Problems

What `type` of a [ProblemBody](#problembody) ends in. *Send again*: the same request may go through later, after `Retry-After` where the answer has one, by the same keys.
*Mend*: it is refused each time until it is changed; `detail` and `errors` say how. *Ask*: who runs the server, or gives out tokens, changes something first.

| code | status | do | when |
|---|---|---|---|
";

pub fn section() -> String {
    let mut text = HEAD.to_owned();
    for row in Code::ALL.iter().map(|code| code.row()) {
        let (code, status) = (row.code, row.status.as_u16());
        let (remedy, meaning) = (row.remedy.words(), cell(row.meaning));
        writeln!(text, "| `{code}` | {status} | {remedy} | {meaning} |").unwrap();
    }
    text
}
