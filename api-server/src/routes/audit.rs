//! `/audit`: what is kept, and by which terms.

use super::Routes;

pub mod overrides;
pub mod retention;

pub(super) fn routes(routes: Routes) -> Routes {
    [retention::routes, overrides::routes].into_iter().fold(routes, |routes, group| group(routes))
}
