//! What values are taken, and how the others are refused.

use serde_json::Value;

use crate::{
    helm::{chart, objects, prints, refuses, template, values},
    platform::one,
};

/// A value that must not be taken, and what the refusal has to say: where and what.
const REFUSED: &[(&str, &str)] = &[
    // Typos, at every level.
    (r#"oprator={}"#, "additional properties 'oprator' not allowed"),
    (r#"operator.replica=2"#, "at '/operator': additional properties 'replica' not allowed"),
    (r#"image.Tag="1""#, "at '/image': additional properties 'Tag' not allowed"),
    (r#"crds.enabled=true"#, "at '/crds': additional properties 'enabled' not allowed"),
    (r#"apiServer.storage.storageClass="x""#, "at '/apiServer/storage': additional properties"),
    (r#"apiServer.database.url="postgres://u:p@h/d""#, "at '/apiServer/database': additional prop"),
    (r#"apiServer.ingress.hosts=[]"#, "at '/apiServer/ingress': additional properties 'hosts'"),
    (r#"apiServer.rates.reads=1"#, "at '/apiServer/rates': additional properties 'reads'"),
    (
        r#"apiServer.issuers=[{"issuer":"a","keys":{"url":"https://a"},"alg":[]}]"#,
        "at '/apiServer/issuers/0': additional properties 'alg'",
    ),
    (r#"profiles.staging={}"#, "at '/profiles': additional properties 'staging' not allowed"),
    (r#"profiles.dev.enabled=true"#, "at '/profiles/dev': additional properties 'enabled'"),
    (
        r#"networkPolicies.apiFrom=[{"namespace":"x"}]"#,
        "at '/networkPolicies/apiFrom/0': additional",
    ),
    (
        r#"operator.resources.request={}"#,
        "at '/operator/resources': additional properties 'request'",
    ),
    (
        r#"operator.tolerations=[{"keys":"a"}]"#,
        "at '/operator/tolerations/0': additional properties",
    ),
    // Types.
    (r#"operator.replicas="2""#, "at '/operator/replicas': got string, want integer"),
    (r#"operator.replicas=1.5"#, "at '/operator/replicas'"),
    (r#"crds.keep="yes""#, "at '/crds/keep': got string, want boolean"),
    (r#"imagePullSecrets="a""#, "at '/imagePullSecrets': got string, want array"),
    (r#"operator.nodeSelector={"a":1}"#, "at '/operator/nodeSelector/a': got number, want string"),
    (r#"operator.resources.limits={"memory":64}"#, "at '/operator/resources/limits/memory'"),
    (r#"profiles.dev.spec=[]"#, "at '/profiles/dev/spec': got array, want object"),
    (r#"apiServer.plans={}"#, "at '/apiServer/plans': got object, want string"),
    // Bounds and forms.
    (r#"operator.replicas=-1"#, "at '/operator/replicas': minimum"),
    (r#"operator.replicas=6"#, "at '/operator/replicas': maximum"),
    (r#"operator.concurrency=0"#, "at '/operator/concurrency': minimum"),
    (r#"operator.concurrency=257"#, "at '/operator/concurrency': maximum"),
    (r#"apiServer.snapshotInterval=0"#, "at '/apiServer/snapshotInterval': minimum"),
    (r#"apiServer.cluster.statusInterval=0"#, "at '/apiServer/cluster/statusInterval': minimum"),
    (r#"apiServer.webhooks.allowCidrs=["10.0.0.0 /8"]"#, "at '/apiServer/webhooks/allowCidrs/0'"),
    (r#"apiServer.cluster.suspendShare=101"#, "at '/apiServer/cluster/suspendShare': maximum"),
    (r#"apiServer.rates.ingest=0"#, "at '/apiServer/rates/ingest': minimum"),
    (r#"image.pullPolicy="Sometimes""#, "at '/image/pullPolicy': value must be one of"),
    (r#"image.digest="sha256:abc""#, "at '/image/digest'"),
    (r#"image.tag="a b""#, "at '/image/tag'"),
    (r#"image.registry="https://registry.local""#, "at '/image/registry'"),
    (r#"apiServer.storage.size="5 GB""#, "at '/apiServer/storage/size'"),
    (r#"apiServer.backups.existingClaim="My_Claim""#, "at '/apiServer/backups/existingClaim'"),
    (r#"apiServer.backups.claim="x""#, "at '/apiServer/backups': additional properties 'claim'"),
    (r#"apiServer.backups.s3.secretKey="x""#, "at '/apiServer/backups/s3': additional properties"),
    (r#"apiServer.backups.s3.endpoint="s3.example""#, "at '/apiServer/backups/s3/endpoint'"),
    (r#"apiServer.backups.s3.endpoint="https://a:b@s3""#, "at '/apiServer/backups/s3/endpoint'"),
    (r#"apiServer.backups.s3.bucket="Tenants""#, "at '/apiServer/backups/s3/bucket'"),
    (r#"apiServer.backups.s3.prefix="/a""#, "at '/apiServer/backups/s3/prefix'"),
    (
        r#"apiServer.backups.ledger.every=24"#,
        "at '/apiServer/backups/ledger': additional properties",
    ),
    (
        r#"apiServer.backups.ledger.everyHours=0"#,
        "at '/apiServer/backups/ledger/everyHours': minimum",
    ),
    (
        r#"apiServer.backups.ledger.everyHours=169"#,
        "at '/apiServer/backups/ledger/everyHours': maximum",
    ),
    (r#"apiServer.backups.ledger.keep=0"#, "at '/apiServer/backups/ledger/keep': minimum"),
    (
        r#"apiServer.backups.ledger.largest=5368709121"#,
        "at '/apiServer/backups/ledger/largest': maximum",
    ),
    (r#"apiServer.database.existingSecret="My_Secret""#, "at '/apiServer/database/existingSecret'"),
    (
        r#"apiServer.kubernetesIssuer.issuer="http://plain""#,
        "at '/apiServer/kubernetesIssuer/issuer'",
    ),
    (
        r#"apiServer.issuers=[{"issuer":"a","keys":{"url":"http://a"}}]"#,
        "at '/apiServer/issuers/0/keys/url'",
    ),
    (r#"apiServer.issuers=[{"issuer":"a","keys":{}}]"#, "at '/apiServer/issuers/0/keys'"),
    (
        r#"apiServer.issuers=[{"issuer":"a","keys":{"jwks":"{}","caBundle":"-----BEGIN CERTIFICATE-----"}}]"#,
        "at '/apiServer/issuers/0/keys'",
    ),
    (
        r#"apiServer.issuers=[{"issuer":"a","keys":{"url":"https://a","jwks":"{}"}}]"#,
        "at '/apiServer/issuers/0/keys'",
    ),
    (
        r#"apiServer.issuers=[{"issuer":"a","keys":{"url":"https://a"},"algorithms":["HS256"]}]"#,
        "at '/apiServer/issuers/0/algorithms/0': value must be one of",
    ),
    (
        r#"apiServer.issuers=[{"keys":{"url":"https://a"}}]"#,
        "at '/apiServer/issuers/0': missing property 'issuer'",
    ),
    (r#"profiles.domain="Example.com""#, "at '/profiles/domain'"),
    (r#"networkPolicies.egressPorts=[0]"#, "at '/networkPolicies/egressPorts/0': minimum"),
    (r#"networkPolicies.dns=[]"#, "at '/networkPolicies/dns': minItems"),
    (r#"networkPolicies.dns=[{}]"#, "at '/networkPolicies/dns/0'"),
    (
        r#"networkPolicies.dns=[{"podSelector":{"matchLabels":{"a":"b"}}}]"#,
        "at '/networkPolicies/dns/0'",
    ),
    (
        r#"networkPolicies.dns=[{"namespaceSelector":{"matchLabels":{}}}]"#,
        "at '/networkPolicies/dns/0/namespaceSelector/matchLabels': minProperties",
    ),
    (
        r#"networkPolicies.dns=[{"namespaceSelector":{"matchExpressions":[]}}]"#,
        "at '/networkPolicies/dns/0/namespaceSelector'",
    ),
    (
        r#"networkPolicies.dns=[{"ipBlock":{"cidr":"kube-dns"}}]"#,
        "at '/networkPolicies/dns/0/ipBlock/cidr'",
    ),
    (r#"networkPolicies.dnsPorts=[0]"#, "at '/networkPolicies/dnsPorts/0': minimum"),
    (r#"networkPolicies.dnsPorts=[]"#, "at '/networkPolicies/dnsPorts': minItems"),
    (r#"guardRails.breakGlassUsers=[""]"#, "at '/guardRails/breakGlassUsers/0': minLength"),
    (r#"monitoring.interval="often""#, "at '/monitoring/interval'"),
    (r#"monitoring.rules="yes""#, "at '/monitoring/rules': got string, want boolean"),
    (r#"monitoring.dashboards="yes""#, "at '/monitoring/dashboards': got string, want boolean"),
    (r#"monitoring.alerts=true"#, "at '/monitoring': additional properties 'alerts' not allowed"),
    // The platform's own Prometheus.
    (r#"platform.grafanas={}"#, "at '/platform': additional properties 'grafanas' not allowed"),
    (r#"platform.prometheus.port=9090"#, "at '/platform/prometheus': additional properties 'port'"),
    (r#"platform.prometheus.enabled="yes""#, "at '/platform/prometheus/enabled': got string"),
    (r#"platform.prometheus.image="prom/prometheus""#, "at '/platform/prometheus/image'"),
    (r#"platform.prometheus.image="host:5000/prometheus""#, "at '/platform/prometheus/image'"),
    (r#"platform.collector.to="otlp:4318""#, "at '/platform/collector/to'"),
    (r#"platform.collector.to="https://me:secret@otlp""#, "at '/platform/collector/to'"),
    (r#"platform.collector.toPorts=[0]"#, "at '/platform/collector/toPorts/0': minimum"),
    (r#"platform.collector.config="a: b""#, "at '/platform/collector/config'"),
    (r#"platform.collector.headers={}"#, "at '/platform/collector': additional properties"),
    (r#"platform.prometheus.retention="forever""#, "at '/platform/prometheus/retention'"),
    (r#"platform.prometheus.retention="0d""#, "at '/platform/prometheus/retention'"),
    (r#"platform.prometheus.storage.size="20G""#, "at '/platform/prometheus/storage/size'"),
    (r#"platform.prometheus.storage.size="0Gi""#, "at '/platform/prometheus/storage/size'"),
    (r#"platform.prometheus.from=[{"namespace":"x"}]"#, "at '/platform/prometheus/from/0'"),
    (r#"platform.prometheus.apiPorts=[0]"#, "at '/platform/prometheus/apiPorts/0': minimum"),
    (
        r#"platform.grafana.password="x""#,
        "at '/platform/grafana': additional properties 'password'",
    ),
    (r#"platform.grafana.image="grafana/grafana""#, "at '/platform/grafana/image'"),
    (r#"platform.grafana.existingSecret="My_Secret""#, "at '/platform/grafana/existingSecret'"),
    (r#"platform.grafana.key="a/b""#, "at '/platform/grafana/key'"),
    (r#"platform.grafana.prometheusUrl="prometheus:9090""#, "at '/platform/grafana/prometheusUrl'"),
    (r#"platform.grafana.prometheusUrl="http://a:b@p""#, "at '/platform/grafana/prometheusUrl'"),
    (r#"platform.grafana.prometheusPort=65536"#, "at '/platform/grafana/prometheusPort'"),
    (r#"otlpEndpoint="collector:4318""#, "at '/otlpEndpoint'"),
    (r#"guardRails.breakGlassGroups=[""]"#, "at '/guardRails/breakGlassGroups/0'"),
    // Routines.
    (r#"routines.token="x""#, "at '/routines': additional properties 'token' not allowed"),
    (r#"routines.brief={}"#, "at '/routines': additional properties 'brief' not allowed"),
    (r#"routines.crm.shedule="@daily""#, "at '/routines/crm': additional properties 'shedule'"),
    (r#"routines.crm.minGroupSize=5"#, "at '/routines/crm': additional properties 'minGroupSize'"),
    (r#"routines.storage.claim="x""#, "at '/routines/storage': additional properties 'claim'"),
    (r#"routines.crm.schedule="CRON_TZ=UTC 0 5 * * 1""#, "at '/routines/crm/schedule'"),
    (r#"routines.crm.schedule="0 5 * *""#, "at '/routines/crm/schedule'"),
    (r#"routines.crm.format="xlsx""#, "at '/routines/crm/format': value must be one of"),
    (r#"routines.triage.format="csv""#, "at '/routines/triage/format': value must be one of"),
    (r#"routines.triage.existingSecret="My_Secret""#, "at '/routines/triage/existingSecret'"),
    (r#"routines.key="a/b""#, "at '/routines/key'"),
    (r#"routines.kpis.minGroupSize=4"#, "at '/routines/kpis/minGroupSize': minimum"),
    (r#"routines.retention.contactDays=0"#, "at '/routines/retention/contactDays': minimum"),
    (r#"routines.timeZone="Local""#, "at '/routines/timeZone'"),
    (r#"routines.timeZone="../etc""#, "at '/routines/timeZone'"),
    (r#"routines.keep=0"#, "at '/routines/keep': minimum"),
    (r#"routines.patience=0"#, "at '/routines/patience': minimum"),
    (r#"routines.startingDeadlineSeconds=9"#, "at '/routines/startingDeadlineSeconds': minimum"),
    (r#"routines.storage.accessMode="ReadOnlyMany""#, "at '/routines/storage/accessMode'"),
];

#[test]
fn what_the_schema_does_not_know_is_refused_with_its_path() {
    let mut wrong = Vec::new();
    for (value, words) in REFUSED {
        let said = refuses(&template(&["--set-json", value]));
        if !said.contains(words) {
            wrong.push(format!("{value}: wanted {words:?} in: {said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(REFUSED.len() >= 30);
}

/// What each value is by itself will do, but not together.
const IMPOSSIBLE: &[(&[&str], &str)] = &[
    (
        &["apiServer.replicas=2", r#"apiServer.database.existingSecret="ledger""#],
        "apiServer.backups.accessMode ReadWriteOnce: 2 servers share one folder",
    ),
    (
        &[r#"apiServer.backups.s3.endpoint="https://s3.example""#],
        "apiServer.backups.s3.bucket: name the bucket",
    ),
    (
        &[
            r#"apiServer.backups.s3.endpoint="https://s3.example""#,
            r#"apiServer.backups.s3.bucket="tenants""#,
        ],
        "apiServer.backups.s3.existingSecret: name a Secret in tenantry-system",
    ),
    (
        &[r#"apiServer.backups.s3.bucket="tenants""#],
        "apiServer.backups.s3.endpoint: a bucket is given without its store",
    ),
    (
        &[
            r#"apiServer.backups.s3={"endpoint":"https://s3.example","bucket":"tenants","existingSecret":"key"}"#,
            "apiServer.backups.enabled=false",
        ],
        "apiServer.backups.s3.endpoint: backups are off",
    ),
    (
        &[
            r#"apiServer.backups.s3={"endpoint":"https://s3.example","bucket":"tenants","existingSecret":"key"}"#,
            "apiServer.backups.largest=5368709121",
        ],
        "apiServer.backups.largest 5368709121: a bucket takes",
    ),
    (
        &[
            r#"apiServer.backups.s3={"endpoint":"https://s3.example","bucket":"tenants","existingSecret":"key"}"#,
            r#"apiServer.backups.existingClaim="shared""#,
        ],
        "apiServer.backups.existingClaim shared: backups go to the bucket",
    ),
    (&["apiServer.replicas=2"], "apiServer.replicas 2: SQLite has one writer"),
    (&["apiServer.kubernetesIssuer.enabled=false"], "apiServer.issuers: no issuer is trusted"),
    (&["apiServer.ingress.enabled=true"], "apiServer.ingress.host: the ingress needs a host name"),
    (
        &["apiServer.ingress.enabled=true", r#"apiServer.ingress.host="a.example""#],
        "networkPolicies.apiFrom: name the ingress controller's namespace",
    ),
    (&["networkPolicies.dns=null"], "networkPolicies.dns: nobody is named"),
    (&["networkPolicies.dnsPorts=null"], "networkPolicies.dnsPorts: nobody is named"),
    (&["monitoring.enabled=true"], "monitoring.enabled: the cluster has no PodMonitor"),
    (&["monitoring.gateways=true"], "monitoring.gateways: the cluster has no PodMonitor"),
    (&["monitoring.rules=true"], "monitoring.rules: the cluster has no PrometheusRule"),
    (
        &["platform.collector.enabled=true", r#"otlpEndpoint="http://otlp.monitoring:4318""#],
        "otlpEndpoint http://otlp.monitoring:4318: the chart has a collector of its own",
    ),
    (
        &[r#"platform.collector.existingSecret="otlp""#],
        "platform.collector.to: a Secret is named for a place that is not",
    ),
    (
        &["platform.grafana.enabled=true"],
        "platform.grafana.prometheusUrl: Grafana has no Prometheus to ask; give the address",
    ),
    (
        &[
            "platform.prometheus.enabled=true",
            "platform.grafana.enabled=true",
            r#"platform.grafana.prometheusUrl="http://prometheus.monitoring:9090""#,
        ],
        "platform.grafana.prometheusUrl http://prometheus.monitoring:9090: the chart has a Prometheus",
    ),
    (
        &["routines.enabled=true"],
        "routines.existingSecret: the round crm has no token; name a Secret",
    ),
    (
        &[
            "routines.enabled=true",
            r#"routines.existingSecret="""#,
            "routines.crm.enabled=false",
            r#"routines.kpis.existingSecret="own""#,
        ],
        "the round overages has no token",
    ),
    (
        &[
            "routines.enabled=true",
            "routines.triage.enabled=false",
            "routines.crm.enabled=false",
            "routines.overages.enabled=false",
            "routines.overagesPrevious.enabled=false",
            "routines.support.enabled=false",
            "routines.kpis.enabled=false",
            "routines.retention.enabled=false",
            "routines.overrides.enabled=false",
        ],
        "routines.enabled: every round is off",
    ),
];

#[test]
fn impossible_combinations_are_refused_with_a_remedy() {
    for (values, words) in IMPOSSIBLE {
        let set: Vec<&str> = values.iter().flat_map(|value| ["--set-json", *value]).collect();
        let said = refuses(&template(&set));
        assert!(said.contains(words), "{values:?}: {said}");
    }
    let prometheus =
        ["--set", "monitoring.enabled=true", "--api-versions", "monitoring.coreos.com/v1"];
    let said = refuses(&template(&prometheus));
    assert!(said.contains("networkPolicies.monitoringFrom: name Prometheus' namespace"), "{said}");
    // One reads it all, or the other: never both.
    for name in ["enabled", "gateways", "rules"] {
        let both = format!("--set=platform.prometheus.enabled=true,monitoring.{name}=true");
        let open = "--set=networkPolicies.enabled=false";
        let said = refuses(&template(&[&both, open, "--api-versions=monitoring.coreos.com/v1"]));
        let words = format!("platform.prometheus.enabled: monitoring.{name} hands the same");
        assert!(said.contains(&words), "{said}");
    }
}

#[test]
fn another_name_or_namespace_is_refused() {
    let path = chart().to_string_lossy().into_owned();
    let said = refuses(&["template", "tenantry", &path, "--namespace", "elsewhere"]);
    assert!(said.contains("install into tenantry-system"), "{said}");
    let said = refuses(&["template", "other", &path, "--namespace", "tenantry-system"]);
    assert!(said.contains("call it tenantry"), "{said}");
}

#[test]
fn a_cluster_that_is_too_old_is_refused() {
    let said = refuses(&template(&["--kube-version", "1.29.9"]));
    assert!(said.contains("kubeVersion"), "{said}");
}

#[test]
fn lint_has_nothing_to_say() {
    let path = chart().to_string_lossy().into_owned();
    let (dev, prod, gpu) = (values("dev"), values("prod"), values("gpu"));
    for files in [vec![], vec![&dev], vec![&prod], vec![&prod, &gpu]] {
        let mut arguments = vec!["lint", "--strict", &path, "--namespace", "tenantry-system"];
        arguments.extend(files.iter().flat_map(|file| ["--values", file.as_str()]));
        let said = prints(&arguments);
        assert!(said.contains("0 chart(s) failed") && !said.contains("[WARNING]"), "{said}");
    }
}

#[test]
fn the_chart_and_the_workspace_have_one_version() {
    let manifest = crate::helm::yaml(&chart().join("Chart.yaml"));
    let cargo = std::fs::read_to_string(crate::helm::root().join("Cargo.toml")).unwrap();
    let version = cargo.lines().find_map(|line| line.strip_prefix("version = ")).unwrap();
    let version = version.trim_matches('"');
    assert_eq!(manifest["appVersion"], Value::from(version));
    assert_eq!(manifest["version"], Value::from(version));
    let images = manifest["annotations"]["artifacthub.io/images"].as_str().unwrap();
    assert!(images.contains(&format!("tenantry.dev/tenantry:{version}")), "{images}");
}

/// The values that the documents show.
#[test]
fn the_chart_takes_the_values_that_the_documents_show() {
    let mut count = 0;
    for page in ["install", "operations"] {
        let text = std::fs::read_to_string(crate::helm::root().join(format!("docs/{page}.md")));
        let text = text.expect("the page");
        for block in text.split(concat!("<!-- ", "yaml: values", " -->\n```yaml\n")).skip(1) {
            let shown = block.split("\n```").next().expect("its end");
            let name = format!("tenantry-{}-{page}-{count}.yaml", std::process::id());
            let file = std::env::temp_dir().join(name);
            std::fs::write(&file, shown).expect("written");
            let rendered = prints(&template(&["--values", &file.to_string_lossy()]));
            assert!(!crate::helm::objects(&rendered).is_empty(), "{page}");
            std::fs::remove_file(&file).expect("removed");
            count += 1;
        }
    }
    assert_eq!(count, 9);
}

#[test]
fn users_break_the_glass_beside_groups_or_alone() {
    let subjects = |set: &str| {
        let all = objects(&prints(&template(&["--set-json", set])));
        let binding = one(&all, "ClusterRoleBinding", "tenantry-break-glass");
        let all = binding["subjects"].as_array().expect("subjects").iter();
        all.map(|one| format!("{} {}", one["kind"], one["name"])).collect::<Vec<_>>()
    };
    let user = r#"guardRails.breakGlassUsers=["system:controller:glbc"]"#;
    assert_eq!(
        subjects(user),
        [r#""Group" "tenantry:break-glass""#, r#""User" "system:controller:glbc""#]
    );
    let alone = format!("{user},guardRails.breakGlassGroups=[]");
    assert_eq!(subjects(&alone), [r#""User" "system:controller:glbc""#]);
}
