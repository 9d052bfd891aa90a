//! `/profiles`: what stacks are made of, and how far a change of it is.

use axum::extract::{Path, State};

use super::wire::ListMeta;
use super::{App, Routes, route};
use crate::auth::Caller;
use crate::auth::rule::BillingRead;
use crate::cluster::profiles::Profiles;
use crate::cluster::profiles::shown::{Stage, Wanted};
use crate::http::Problem;
use crate::http::page::Pages;
use crate::http::problem::{Code, ProblemBody};
use crate::http::query::{Filter, Grammar, Op, Parameters};

mod out;

pub use out::{DeploymentOut, Deployments, FollowerOut, Followers, RevisionOut, Revisions};

pub(super) fn routes(routes: Routes) -> Routes {
    route!(route!(route!(routes, list_profiles), list_revisions), list_followers)
}

const GRAMMAR: Grammar =
    Grammar { filters: &[("revision", &[Op::Eq]), ("stage", &[Op::Eq])], sorts: &["tenant"] };

/// List profiles
///
/// All that the cluster has, and those that tenants name and it has not, each with how far its newest revision is.
#[utoipa::path(
    get, path = "/profiles", operation_id = "list_profiles", tag = "profiles",
    responses(
        (status = 200, description = "All of them.", body = Deployments),
        (status = 409, description = "The server is beside no cluster.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn list_profiles(
    _: Caller<BillingRead>,
    State(app): State<App>,
    parameters: Parameters,
) -> Result<axum::Json<Deployments>, Problem> {
    parameters.only(&[])?;
    let profiles = beside(&app)?;
    let known = profiles.ask(|known| (known.summaries(), known.lost_since()));
    let (all, lost_since) = known.ok_or_else(unread)?;
    let data = all.into_iter().map(DeploymentOut::from).collect();
    Ok(axum::Json(Deployments { data, lost_since, meta: ListMeta::new(None) }))
}

/// List revisions of a profile
///
/// The newest first, each with how many tenants run it.
#[utoipa::path(
    get, path = "/profiles/{name}/revisions", operation_id = "list_profile_revisions", tag = "profiles",
    params(("name" = String, Path, description = "The profile's name.")),
    responses(
        (status = 200, description = "All that are kept or run.", body = Revisions),
        (status = 404, description = "There is no such profile.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The server is beside no cluster.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn list_revisions(
    _: Caller<BillingRead>,
    State(app): State<App>,
    Path(name): Path<String>,
    parameters: Parameters,
) -> Result<axum::Json<Revisions>, Problem> {
    parameters.only(&[])?;
    let known = beside(&app)?.ask(|known| (known.runs(&name), known.lost_since()));
    let (runs, lost_since) = known.ok_or_else(unread)?;
    let data = runs.ok_or_else(Problem::not_found)?.into_iter().map(RevisionOut::from).collect();
    Ok(axum::Json(Revisions { data, lost_since, meta: ListMeta::new(None) }))
}

/// List tenants of a profile
///
/// Those that follow it or run a revision of it, by name, each with where it stands and why.
#[utoipa::path(
    get, path = "/profiles/{name}/tenants", operation_id = "list_profile_tenants", tag = "profiles",
    params(
        ("name" = String, Path, description = "The profile's name."),
        ("filter[revision][eq]" = Option<i64>, Query, minimum = 1, description = "Those that run this revision."),
        ("filter[stage][eq]" = Option<String>, Query, pattern = "^(updated|moving|waiting|failed|removed)$", description = "updated, moving, waiting, failed or removed."),
        ("sort" = Option<String>, Query, pattern = "^tenant( asc)?$", description = "`tenant asc`."),
        ("page[size]" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "1 to 1000; 100 unless given."),
        ("page[after]" = Option<String>, Query, description = "A cursor, as in `meta.page.next`."),
    ),
    responses(
        (status = 200, description = "A page of them.", body = Followers),
        (status = 404, description = "There is no such profile.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The server is beside no cluster.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn list_followers(
    _: Caller<BillingRead>,
    State(app): State<App>,
    Path(name): Path<String>,
    parameters: Parameters,
) -> Result<axum::Json<Followers>, Problem> {
    let query = parameters.list(GRAMMAR)?;
    if query.descending {
        return Err(Problem::field("sort", "invalid_value", "Tenants come by name: tenant asc."));
    }
    let revision = query.filter("revision").map(revision).transpose()?;
    let stage = query.filter("stage").map(stage).transpose()?;
    let profiles = beside(&app)?;
    let pages = Pages::new(&app.cursors, &query, format!("/profiles/{name}/tenants"), "everyone");
    let after = pages.after::<String>()?;
    let limit = usize::try_from(pages.limit()).unwrap_or(usize::MAX);
    let wanted = Wanted { after: after.as_deref(), revision, stage, limit };
    let known = profiles.ask(|known| {
        let there = known.runs(&name).is_some();
        there.then(|| (known.followers(&name, wanted), known.lost_since()))
    });
    let (mut rows, lost_since) = known.ok_or_else(unread)?.ok_or_else(Problem::not_found)?;
    let next = pages.cut(&mut rows, |(name, ..)| name.to_string());
    let data = rows.into_iter().map(FollowerOut::from).collect();
    Ok(axum::Json(Followers { data, lost_since, meta: ListMeta::new(next) }))
}

fn revision(filter: &Filter) -> Result<i64, Problem> {
    let number = filter.value.parse::<i64>().ok().filter(|number| *number >= 1);
    number.ok_or_else(|| filter.refuse("Give the number of a revision, such as 7."))
}

fn stage(filter: &Filter) -> Result<Stage, Problem> {
    let known = Stage::ALL.into_iter().find(|stage| stage.name() == filter.value);
    known.ok_or_else(|| filter.refuse("Give updated, moving, waiting, failed or removed."))
}

/// What is known of the cluster, if the server is beside one.
fn beside(app: &App) -> Result<&Profiles, Problem> {
    app.profiles.as_ref().ok_or_else(|| {
        Problem::new(
            Code::NoCluster,
            "This server is beside no cluster, so it knows no profiles. Who runs it starts it with \
             --cluster, or TENANTRY_CLUSTER.",
        )
    })
}

/// The server has just been started, or the cluster does not answer.
pub(super) fn unread() -> Problem {
    Problem::new(
        Code::ClusterUnread,
        "The cluster has not answered since this server was started. Ask again; if that does not help, \
         who runs it finds in its log why.",
    )
    .with_retry_after(2)
}
