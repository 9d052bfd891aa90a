//! A real PostgreSQL, started by the first test that wants one and shared by all of this run, with a
//! database per test. It ends with this process, however that ends.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{ChildStdin, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use api_server::store::{self, Place, migrations};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::port::free_port;

/// Generous: nothing is judged by how long it took.
const BOUND: Duration = Duration::from_secs(240);
const PAUSE: Duration = Duration::from_millis(50);

/// Where Debian puts the programs of each version.
const INSTALLED: &str = "/usr/lib/postgresql";

/// Starts a server in a folder of its own, says where, and stops it when standard input ends: that
/// is when the tests' process does. `guarded` alone has to give a password. The collation is one
/// by which letters of both cases mix, so that a comparison that is not by bytes shows. In memory,
/// where there is room, unless [`stay_on_disk`] was asked for, since no test cuts the power. With TLS, where openssl is there to make keys.
const SUPERVISE: &str = r#"
set -eu
trap '' INT TERM HUP
base=${TMPDIR:-/tmp}
if [ "$3" = memory ] && [ "$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')0" -gt 40000000 ]; then
    base=/dev/shm
fi
dir=$(mktemp -d "$base/tenantry-postgres-XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"
"$1/initdb" -D data -U tenantry -A trust -E UTF8 --locale=C.UTF-8 --locale-provider=icu \
    --icu-locale=en --no-sync >log 2>&1 || { cat log >&2; exit 1; }
sed -i '1i local all guarded scram-sha-256' data/pg_hba.conf
ssl=off
key() { openssl req -x509 -nodes -days 2 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 "$@"; }
if { key -subj /CN=ca -keyout ca.key -out ca.crt &&
    key -subj /CN=db -keyout data/server.key -out data/server.crt -CA ca.crt -CAkey ca.key \
        -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=IP:127.0.0.1 &&
    key -subj /CN=other -keyout other.key -out other.crt; } >>log 2>&1; then
    ssl=on
    chmod 600 data/server.key
    chmod 644 ./*.crt
    chmod 711 "$dir"
fi
"$1/pg_ctl" -D data -w -t 240 -l log -o "-k $dir -p $2 -c ssl=$ssl -c max_connections=200" \
    start >/dev/null || { cat log >&2; exit 1; }
echo "$dir"
read -r _ || :
"$1/pg_ctl" -D data -m immediate stop >/dev/null
"#;

struct Cluster {
    programs: PathBuf,
    socket: PathBuf,
    port: u16,
    /// Its end is what the supervisor waits for.
    _alive: ChildStdin,
}

static ON_DISK: AtomicBool = AtomicBool::new(false);

/// Before the first question: what is to be measured keeps its files where flushes cost something.
#[allow(dead_code, reason = "a benchmark uses it")]
pub fn stay_on_disk() {
    ON_DISK.store(true, Ordering::Relaxed);
}

fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(start)
}

fn start() -> Cluster {
    let programs = newest().unwrap_or_else(|| {
        panic!(
            "there is no PostgreSQL in {INSTALLED}: install the package postgresql, or leave \
             these tests out with `-- --skip postgres::`"
        )
    });
    let mut command = Command::new("sh");
    if is_root() {
        // It refuses to run as root.
        let user = if known("postgres") { "postgres" } else { "nobody" };
        let group = String::from_utf8(run("id", &["-gn", user])).unwrap();
        command = Command::new("setpriv");
        command.args(["--reuid", user, "--regid", group.trim(), "--clear-groups", "sh"]);
        // A folder of ours would be closed to that user.
        command.env("TMPDIR", "/tmp");
    }
    let port = free_port();
    command.args(["-c", SUPERVISE, "sh"]).arg(&programs).arg(port.to_string());
    command.arg(if ON_DISK.load(Ordering::Relaxed) { "disk" } else { "memory" });
    #[expect(
        clippy::zombie_processes,
        reason = "it lives as long as the tests, and ends with its stdin"
    )]
    let mut child =
        command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let alive = child.stdin.take().unwrap();
    let mut socket = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut socket).unwrap();
    assert!(!socket.is_empty(), "PostgreSQL did not start; it said why above");
    Cluster { programs, socket: socket.trim().into(), port, _alive: alive }
}

fn newest() -> Option<PathBuf> {
    let versions = fs::read_dir(INSTALLED).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest =
        versions.filter(|path| path.join("bin/initdb").is_file()).max_by_key(|p| number(p));
    newest.map(|path| path.join("bin"))
}

fn run(program: &str, args: &[&str]) -> Vec<u8> {
    let output = Command::new(program).args(args).output().unwrap();
    assert!(output.status.success(), "{program} {args:?}");
    output.stdout
}

fn is_root() -> bool {
    run("id", &["-u"]) == b"0\n"
}

fn known(user: &str) -> bool {
    Command::new("id").arg(user).output().is_ok_and(|output| output.status.success())
}

/// The folder with the socket and, with TLS, the certificates `ca.crt` and `other.crt`.
pub fn socket() -> &'static Path {
    &cluster().socket
}

/// The port, of the socket and on 127.0.0.1.
pub fn port() -> u16 {
    cluster().port
}

/// The URL of a database for a user.
pub fn url(database: &str, user: &str) -> String {
    let (socket, port) = (socket().display(), port());
    format!("postgresql:///{database}?host={socket}&port={port}&user={user}")
}

pub async fn connect(database: &str) -> PgConnection {
    PgConnection::connect(&url(database, "tenantry")).await.unwrap()
}

/// Runs a statement as the cluster's owner.
pub async fn execute(database: &str, sql: String) {
    let mut connection = connect(database).await;
    connection.execute(AssertSqlSafe(sql)).await.unwrap();
    connection.close().await.unwrap();
}

/// A database with the newest schema, to copy.
pub async fn template() -> &'static str {
    static MADE: OnceCell<()> = OnceCell::const_new();
    let make = || async {
        execute("postgres", "CREATE DATABASE ledger TEMPLATE template0".to_owned()).await;
        let folder = TempDir::new().unwrap();
        let database = url("ledger", "tenantry").parse().unwrap();
        let place = Place::Postgres { database, folder: folder.path().to_owned() };
        store::migrate(place, migrations::LATEST).await.unwrap();
    };
    MADE.get_or_init(make).await;
    "ledger"
}

async fn create(template: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    execute("postgres", format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
    name
}

fn dropping(name: &str) -> Command {
    command("dropdb", &["--force", "--if-exists", name])
}

/// One of the database's own programs on a folder's database.
fn command(name: &str, args: &[&str]) -> Command {
    let mut command = Command::new(cluster().programs.join(name));
    let port = port().to_string();
    command.arg("-h").arg(socket()).args(["-p", &port, "-U", "tenantry"]).args(args);
    command
}

fn program(name: &str, args: &[&str]) {
    let output = command(name, args).output().unwrap();
    assert!(output.status.success(), "{name} {args:?}: {output:?}");
}

/// Dumps a folder's database, as the documents say.
pub fn dump(folder: &Path, file: &Path) {
    let file = file.to_str().unwrap();
    program("pg_dump", &["--format=custom", "--file", file, &database(folder)]);
}

/// Restores a dump into a folder's database, which is empty.
pub fn restore(file: &Path, folder: &Path) {
    program(
        "pg_restore",
        &["--exit-on-error", "--dbname", &database(folder), file.to_str().unwrap()],
    );
}

/// The file in a folder that says which database is its ledger's.
const NOTE: &str = "database";

/// A folder for a ledger, and its database on PostgreSQL; both go with it.
pub struct Folder(TempDir);

impl Folder {
    pub fn alone() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub async fn with_database(template: &str) -> Self {
        let folder = Self::alone();
        fs::write(folder.path().join(NOTE), url(&create(template).await, "tenantry")).unwrap();
        folder
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.path().join(NOTE).exists() {
            return;
        }
        let dropped = dropping(&database(self.path())).output();
        // A second panic would end all tests, and hide what the first one says.
        if !std::thread::panicking() {
            let dropped = dropped.unwrap();
            assert!(dropped.status.success(), "{dropped:?}");
        }
    }
}

/// Waits until nobody but us is on a database: what a killed server committed last may be on its way.
pub async fn left_alone(url: &str) {
    const OTHERS: &str = "SELECT COUNT(*) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
    let mut connection = PgConnection::connect(url).await.unwrap();
    let began = Instant::now();
    loop {
        let others: i64 = connection.fetch_one(OTHERS).await.unwrap().get(0);
        if others == 0 {
            break;
        }
        assert!(began.elapsed() < BOUND, "{others} others are still on the database");
        tokio::time::sleep(PAUSE).await;
    }
    connection.close().await.unwrap();
}

/// The same for the database of a folder, if it has one.
pub async fn folder_left_alone(folder: &Path) {
    if folder.join(NOTE).exists() {
        left_alone(&url_of(folder)).await;
    }
}

/// The URL of a folder's database.
pub fn url_of(folder: &Path) -> String {
    fs::read_to_string(folder.join(NOTE)).unwrap()
}

/// The name of a folder's database.
pub fn database(folder: &Path) -> String {
    let url = url_of(folder);
    let (_, path) = url.split_once(":///").unwrap();
    path.split_once('?').unwrap().0.to_owned()
}

pub fn place(folder: &Path) -> Place {
    let database = url_of(folder).parse().unwrap();
    Place::Postgres { database, folder: folder.to_owned() }
}

/// Puts a copy of a folder's database in place of another's.
pub async fn copy(from: &Path, to: &Path) {
    let (new, old) = (create(&database(from)).await, database(to));
    fs::write(to.join(NOTE), url(&new, "tenantry")).unwrap();
    let dropped = dropping(&old).output().unwrap();
    assert!(dropped.status.success(), "{dropped:?}");
}

/// Does to a database what nobody should: keys and triggers are passed over.
pub async fn tamper(folder: &Path, statements: &[&'static str]) {
    let mut connection = connect(&database(folder)).await;
    connection.execute("SET session_replication_role = replica").await.unwrap();
    for sql in statements {
        let sql = sql
            .replace("zeroblob(16)", "decode(repeat('00', 16), 'hex')")
            .replace("zeroblob(32)", "decode(repeat('00', 32), 'hex')")
            .replace("x'00'", "'\\x00'::bytea");
        let done = connection.execute(AssertSqlSafe(sql.clone())).await.unwrap();
        assert!(done.rows_affected() > 0, "{sql} changed nothing");
    }
    connection.close().await.unwrap();
}
