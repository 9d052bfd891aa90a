//! The API server through the cluster: a port of its pod, forwarded into this process by the control plane.
//! No port is opened on this machine.

use http::{HeaderMap, Method, Request, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    body::Bytes,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::{Container, Pod, Service, ServicePort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::{Api, api::Portforwarder};
use tokio::time::{Duration, timeout};

use super::{Answered, LARGEST, too_large};
use crate::kubectl::{
    access::{Access, chain, encoded},
    failure::Failure,
};

/// How long the control plane may take to say why a connection broke.
const WORDS: Duration = Duration::from_secs(2);
/// The port of the Service.
const PORT: i32 = 8080;

type Why = std::pin::Pin<Box<dyn Future<Output = Option<String>> + Send>>;

/// A forwarded port. It ends with its owner.
pub struct Forward {
    sender: SendRequest<Full<Bytes>>,
    why: Option<Why>,
    pod: String,
    _forwarder: Portforwarder,
}

impl Forward {
    /// Forwards a port to a pod of the API server that is ready.
    ///
    /// # Errors
    /// When there is none, or it may not be reached.
    pub async fn open(access: &Access, namespace: &str) -> Result<Self, Failure> {
        let service = service(access, namespace).await?;
        let space = service.metadata.namespace.clone().unwrap_or_default();
        let pod = pod(access, &space, &service).await?;
        let name = pod.metadata.name.clone().unwrap_or_default();
        let port = port(&service, &pod).ok_or_else(|| {
            Failure::Other(format!("the Service {space}/{} has no port {PORT}", crds::API_SERVER))
        })?;
        let api = Api::<Pod>::namespaced(access.client(), &space);
        let forwarded = access.within(Box::pin(api.portforward(&name, &[port]))).await;
        let pod = format!("{space}/{name}");
        let mut forwarder = forwarded.map_err(|failure| barred(failure, &pod))?;
        let lost =
            |why: String| Failure::Unreachable(format!("pod {pod} cannot be reached: {why}"));
        let stream =
            forwarder.take_stream(port).ok_or_else(|| lost("its port is not there".to_owned()))?;
        let why: Option<Why> = forwarder.take_error(port).map(|why| Box::pin(why) as Why);
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| lost(chain(&error)))?;
        // It ends when the sender is gone; a request that is under way hears of it.
        tokio::spawn(connection);
        Ok(Self { sender, why, pod, _forwarder: forwarder })
    }

    /// One request.
    pub(super) async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<Answered, Failure> {
        let request =
            Request::builder().method(method).uri(path).header(header::HOST, crds::API_SERVER);
        let request = request.body(Full::new(Bytes::from(body)));
        let mut request = request.map_err(|error| Failure::Other(error.to_string()))?;
        request.headers_mut().extend(headers);
        let answer = match self.sender.send_request(request).await {
            Ok(answer) => answer,
            Err(error) => return Err(self.broken(&error).await),
        };
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), LARGEST).collect().await;
        let body = body.map_err(|error| {
            if error.is::<http_body_util::LengthLimitError>() {
                return too_large();
            }
            Failure::Unreachable(format!("pod {} broke off: {error}", self.pod))
        })?;
        Ok(Answered { status, body: body.to_bytes().to_vec() })
    }

    /// What the control plane says of a connection that broke, else what was seen of it.
    async fn broken(&mut self, error: &hyper::Error) -> Failure {
        let told = match self.why.take() {
            Some(why) => timeout(WORDS, why).await.ok().flatten(),
            None => None,
        };
        let why = told.unwrap_or_else(|| chain(error));
        Failure::Unreachable(format!("pod {} cannot be reached: {why}", self.pod))
    }
}

/// Why no port is forwarded. Who may not do it can still be shown prices.
fn barred(failure: Failure, pod: &str) -> Failure {
    match failure {
        Failure::Forbidden(text) => Failure::Forbidden(format!(
            "{text}; forwarding a port takes the role that docs/kubectl.md#prices has; --server URL does without"
        )),
        // The control plane's own words of a node or a pod that does not answer.
        Failure::Other(text) => {
            Failure::Unreachable(format!("pod {pod} cannot be reached: {text}"))
        }
        other => other,
    }
}

/// The API server's Service in the namespace that was named. The token goes to its pods, so that another
/// one is told of and not followed: whoever may label a Service could ask for it.
async fn service(access: &Access, namespace: &str) -> Result<Service, Failure> {
    let name = crds::API_SERVER;
    let here = access.get(&format!("/api/v1/namespaces/{namespace}/services/{name}")).await;
    let value = match here {
        Err(Failure::NotFound(_)) => return Err(elsewhere(access, namespace).await),
        found => found?,
    };
    serde_json::from_value(value).map_err(|error| Failure::Other(error.to_string()))
}

async fn elsewhere(access: &Access, namespace: &str) -> Failure {
    let name = crds::API_SERVER;
    let label = encoded(&format!("app.kubernetes.io/name={name}"));
    // Who may not look there hears of it without.
    let all = access.list("/api/v1/services", &format!("labelSelector={label}")).await;
    let mut spaces: Vec<String> = all
        .unwrap_or_default()
        .iter()
        .filter_map(|service| service.pointer("/metadata/namespace")?.as_str().map(str::to_owned))
        .collect();
    spaces.sort();
    let there = match spaces.is_empty() {
        true => String::new(),
        false => format!(" (there is one in {})", spaces.join(", ")),
    };
    Failure::NotFound(format!(
        "there is no Service {name} in namespace {namespace}{there}: --namespace says where the API server runs, \
         --server its address"
    ))
}

/// A ready pod of the Service.
async fn pod(access: &Access, space: &str, service: &Service) -> Result<Pod, Failure> {
    let selector = service.spec.as_ref().and_then(|spec| spec.selector.clone()).unwrap_or_default();
    let labels: Vec<String> = selector.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let query = format!("labelSelector={}", encoded(&labels.join(",")));
    let found = access.list(&format!("/api/v1/namespaces/{space}/pods"), &query).await?;
    let mut pods = found.into_iter().filter_map(|pod| serde_json::from_value::<Pod>(pod).ok());
    pods.rfind(is_ready).ok_or_else(|| {
        Failure::Unreachable(format!(
            "no pod of the API server is ready: kubectl get pods -n {space} -l {}",
            labels.join(",")
        ))
    })
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    let ready = |conditions: &Vec<_>| {
        conditions.iter().any(|c: &k8s_openapi::api::core::v1::PodCondition| {
            c.type_ == "Ready" && c.status == "True"
        })
    };
    pod.metadata.deletion_timestamp.is_none() && conditions.is_some_and(ready)
}

/// The pod's port behind the Service's.
fn port(service: &Service, pod: &Pod) -> Option<u16> {
    let ports = service.spec.as_ref()?.ports.as_ref()?;
    let of: &ServicePort = ports.iter().find(|one| one.port == PORT).or_else(|| ports.first())?;
    let number = match of.target_port.as_ref() {
        None => of.port,
        Some(IntOrString::Int(number)) => *number,
        Some(IntOrString::String(name)) => {
            let containers: &Vec<Container> = &pod.spec.as_ref()?.containers;
            let mut all = containers.iter().flat_map(|one| one.ports.iter().flatten());
            all.find(|one| one.name.as_deref() == Some(name.as_str()))?.container_port
        }
    };
    u16::try_from(number).ok()
}
