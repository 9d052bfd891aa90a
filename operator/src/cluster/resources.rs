//! Writes about our own resources: finalizers, statuses, and the revisions of profiles.

use crds::{DeploymentProfile, DeploymentProfileStatus, Tenant, TenantStatus};
use kube::{
    Resource, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
    core::Request,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{ApiError, Cluster, FINALIZER};
use crate::{figures, reduce::FIELD_MANAGER};

impl Cluster {
    /// Adds or removes our finalizer, at the version that was read. Returns whether this did it: a
    /// tenant that is gone already had lost it before.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn set_finalizer(&self, tenant: &Tenant, present: bool) -> Result<bool, ApiError> {
        let mut finalizers = tenant.finalizers().to_vec();
        finalizers.retain(|f| f != FINALIZER);
        if present {
            finalizers.push(FINALIZER.to_owned());
        }
        let body = json!({ "metadata": {
            "uid": tenant.metadata.uid, "resourceVersion": tenant.metadata.resource_version,
            "finalizers": finalizers,
        } });
        let params =
            PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let request = Request::new(Tenant::url_path(&(), None)).patch(
            &tenant.name_any(),
            &params,
            &Patch::Merge(&body),
        );
        match self.write_custom::<Tenant>(request, "patch", "tenants").await {
            Ok(answer) => {
                self.world.put_own_tenant(answer);
                Ok(true)
            }
            Err(ApiError::Gone) if !present => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Writes a Tenant's status, our part of it whole. Where the API server has written too, only
    /// at the version that was read: what it wrote meanwhile must not be taken for what we marked.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn write_tenant_status(
        &self,
        tenant: &Tenant,
        status: &TenantStatus,
    ) -> Result<(), ApiError> {
        let theirs = tenant.status.as_ref().is_some_and(figures::told);
        let at = tenant.metadata.resource_version.as_ref().filter(|_| theirs);
        let answer = self.write_status(tenant, status, at, "tenants/status").await?;
        self.world.put_own_tenant(answer);
        Ok(())
    }

    /// Writes a profile's status, whole, as ours.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn write_profile_status(
        &self,
        profile: &DeploymentProfile,
        status: &DeploymentProfileStatus,
    ) -> Result<(), ApiError> {
        let answer = self.write_status(profile, status, None, "deploymentprofiles/status").await?;
        self.world.put_own_profile(answer);
        Ok(())
    }

    /// The same of a profile that cannot be read; nor can the answer.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn write_unreadable_status(
        &self,
        profile: &DeploymentProfile,
        status: &DeploymentProfileStatus,
    ) -> Result<(), ApiError> {
        let counted = "deploymentprofiles/status";
        self.write_status::<_, Value>(profile, status, None, counted).await.map(|_| ())
    }

    /// By server-side apply to the subresource, of this uid only, and at this version if one is
    /// named. `counted`: its name in metrics.
    async fn write_status<K, A>(
        &self,
        of: &K,
        status: &impl Serialize,
        at: Option<&String>,
        counted: &'static str,
    ) -> Result<A, ApiError>
    where
        K: Resource<DynamicType = ()>,
        A: DeserializeOwned,
    {
        let name = of.name_any();
        let mut body = json!({
            "apiVersion": K::api_version(&()), "kind": K::kind(&()),
            "metadata": { "name": name, "uid": of.meta().uid },
            "status": status,
        });
        if let Some(version) = at {
            body["metadata"]["resourceVersion"] = version.as_str().into();
        }
        let params = PatchParams::apply(FIELD_MANAGER).force();
        let request = Request::new(K::url_path(&(), None)).patch_subresource(
            "status",
            &name,
            &params,
            &Patch::Apply(&body),
        );
        self.write_custom(request, "patch", counted).await
    }

    /// Creates a revision object; it exists already: somebody made the same one.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn create_revision(&self, namespace: &str, body: &Value) -> Result<Value, ApiError> {
        let bytes = serde_json::to_vec(body).map_err(|e| ApiError::Rejected(e.to_string()))?;
        let params =
            PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        let request =
            Request::new(format!("/apis/apps/v1/namespaces/{namespace}/controllerrevisions"))
                .create(&params, bytes);
        self.write_custom(request, "create", "controllerrevisions").await
    }

    /// Deletes a revision object with this uid.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn delete_revision(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
    ) -> Result<(), ApiError> {
        let params = DeleteParams {
            preconditions: Some(kube::api::Preconditions {
                uid: Some(uid.to_owned()),
                resource_version: None,
            }),
            ..DeleteParams::background()
        };
        let path = format!("/apis/apps/v1/namespaces/{namespace}/controllerrevisions");
        match self
            .write_custom::<Value>(
                Request::new(path).delete(name, &params),
                "delete",
                "controllerrevisions",
            )
            .await
        {
            Ok(_) | Err(ApiError::Gone) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
