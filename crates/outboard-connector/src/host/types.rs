//! What goes into a host and comes out of it. All of it is JSON for the HTTP API and the
//! command line, so that both say the same with a server and without.

use std::{collections::BTreeMap, time::Duration};

use outboard_contracts::connector::{
    Kind,
    module::{Config, OAuth, Operation},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

/// A connector in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "ConnectorSummary")
)]
pub struct Summary {
    /// Its key; the directory's name where there is no manifest that can be read.
    pub key: String,
    /// Its name for people.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its icon.
    pub icon: String,
    /// `connector`, `tool` or `job`.
    pub kind: String,
    /// The version that is current.
    pub version: String,
    /// Whether it may be called.
    pub enabled: bool,
    /// How many operations it has.
    pub operations: usize,
    /// `none`, `unverifiable`, `program` or `envelope`.
    pub signed: String,
    /// Which key signed it, if a trusted one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// What its program runs on.
    pub os_arch: Vec<String>,
    /// The words it is filed under.
    pub tags: Vec<String>,
    /// `stopped`, `starting`, `busy`, `idle`, `checking` or `resting`.
    pub state: String,
    /// The process, if one runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Why it cannot be called, if it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// Why something cannot be used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "ConnectorProblem")
)]
pub struct Problem {
    /// One word for programs.
    pub kind: String,
    /// What is wrong, for people.
    pub detail: String,
}

/// All there is to know about one connector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "ConnectorDescription")
)]
pub struct Description {
    /// As in a list.
    #[serde(flatten)]
    pub summary: Summary,
    /// What is configured per instance.
    pub config: Vec<Config>,
    /// The JSON Schema of the config.
    pub config_schema: Value,
    /// Operations in the order of the manifest.
    pub operations_list: Vec<OperationDescription>,
    /// How a user signs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oauth: Option<OAuth>,
    /// Versions that are installed, newest first.
    pub versions: Vec<String>,
    /// The process.
    pub process: ProcessDescription,
}

/// An operation, and what it takes as JSON Schema.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "OperationDescription")
)]
pub struct OperationDescription {
    /// The title of its category.
    pub category: String,
    /// As the manifest has it.
    #[serde(flatten)]
    pub operation: Operation,
    /// The JSON Schema of its input.
    pub input_schema: Value,
}

/// A connector's process and what it went through.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "ConnectorProcess")
)]
#[serde(default)]
pub struct ProcessDescription {
    /// `stopped`, `starting`, `busy` (with calls), `idle`, `checking` (it is asked whether it
    /// is well) or `resting` (it failed, and is not tried for a while).
    pub state: String,
    /// Its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Calls that run now.
    pub in_flight: usize,
    /// Calls that wait.
    pub waiting: usize,
    /// Processes of versions before that finish their calls.
    pub leaving: usize,
    /// How often it was started.
    pub starts: u64,
    /// How often it ended by itself.
    pub crashes: u64,
    /// How long it has been ready, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uptime_ms: Option<u64>,
    /// What it has in memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// What went wrong last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// How long no start is tried, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_in_ms: Option<u64>,
}

/// A call to make.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct CallRequest {
    /// The instance whose config is used, by name or id. Without one and without `config`,
    /// the connector's only instance, or no config at all if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Config values for this call alone, instead of an instance's. An object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<Value>,
    /// The input, an object.
    pub input: Value,
    /// What to pass on as session id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// How long it may take, in milliseconds. Default 30 s; streamed calls have no limit
    /// but the 60 s between messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// That a destructive operation is meant. Without it such an operation is refused.
    pub confirm: bool,
}

/// Who calls.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Caller {
    /// For the record: `cli`, `http`, `pipeline NAME`.
    pub name: String,
    /// The id under which the call is logged at both ends.
    pub request_id: String,
}

/// What a call gave.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CallAnswer {
    /// The result, as the connector wrote it: any JSON.
    pub result: Box<RawValue>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The version that answered.
    pub version: String,
    /// The id under which the call is logged.
    pub request_id: String,
}

/// How far a call is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "CallProgress")
)]
pub struct CallProgress {
    /// How much is done.
    pub progress: i32,
    /// Of how much; 0: unknown.
    pub total: i32,
    /// In words.
    pub message: String,
}

/// Where a package comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstallFrom {
    /// A directory or an archive on this machine.
    Path(std::path::PathBuf),
    /// An archive on the web.
    Url(String),
    /// A key in a catalog.
    Name(String),
}

/// How to install.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct InstallOptions {
    /// This version of a catalog's, instead of the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The SHA-256 that the archive must have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Whether an older version may replace a newer one.
    pub allow_downgrade: bool,
    /// Whether a package without a valid signature is taken. For this one alone.
    pub allow_unsigned: bool,
    /// Whether `http:` is taken from elsewhere than this machine.
    pub allow_http: bool,
    /// Whether it must be the version and the program that `outboard.lock` names for it.
    pub locked: bool,
}

/// What an installation did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InstallOutcome {
    /// The connector.
    pub key: String,
    /// The version that is current now.
    pub version: String,
    /// The one that was before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// `installed`, `updated`, `downgraded`, `replaced`, `rolled_back`, `unchanged` or `removed`.
    pub action: String,
    /// `none`, `unverifiable`, `program` or `envelope`.
    pub signed: String,
    /// Where it came from.
    pub source: String,
}

/// A connector that a catalog has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "AvailableConnector")
)]
pub struct Available {
    /// Its key.
    pub key: String,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// `connector`, `tool` or `job`.
    #[serde(default)]
    pub kind: String,
    /// The catalog that has it: an address without credentials, or a path.
    #[serde(default)]
    pub catalog: String,
    /// The newest version for this platform; the newest of all if there is none for it.
    pub version: String,
    /// Whether it runs here.
    pub arch_ok: bool,
    /// Whether the catalog says what its archive must hash to.
    #[serde(default)]
    pub digest: bool,
    /// What it runs on.
    pub os_arch: Vec<String>,
    /// The words it is filed under.
    pub tags: Vec<String>,
    /// The version that is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installed: Option<String>,
    /// Whether `version` is newer than that.
    pub update_available: bool,
}

/// What a search found, and what a catalog that could not be read said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "CatalogAnswer")
)]
pub struct SearchAnswer {
    /// What was found.
    pub available: Vec<Available>,
    /// What is wrong with catalogs, also when their last copies are used.
    pub warnings: Vec<String>,
}

/// One set of config values of a connector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "Instance")
)]
pub struct InstanceView {
    /// Its id.
    pub id: String,
    /// The connector.
    pub connector: String,
    /// Its name, unique for the connector.
    pub name: String,
    /// The values; a secret that is set reads as
    /// [`SECRET_PLACEHOLDER`](crate::state::instances::SECRET_PLACEHOLDER).
    pub config: BTreeMap<String, String>,
    /// Fields that must have a value and have none.
    pub missing: Vec<String>,
    /// Values that cannot be used, with why; a secret whose key is gone, say.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub problems: BTreeMap<String, String>,
    /// Whether a user signed in, and who.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<IdentityView>,
    /// When it was made, RFC 3339.
    pub created_at: String,
    /// When it was changed.
    pub updated_at: String,
}

/// Who signed in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "Identity")
)]
pub struct IdentityView {
    /// The service's id of the user.
    pub user_id: String,
    /// The user's name.
    pub display_name: String,
    /// When the access token ends, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Why the user must sign in again, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// What to change of an instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct InstanceChange {
    /// A new name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Values to set; `null` clears one, and the mask keeps the secret that is there.
    pub config: serde_json::Map<String, Value>,
}

/// Which calls to list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HistoryQuery {
    /// Of this connector.
    pub key: Option<String>,
    /// Of this operation.
    pub operation: Option<String>,
    /// With this outcome; `failed` is any failure.
    pub outcome: Option<String>,
    /// By this caller.
    pub caller: Option<String>,
    /// With this in one of its texts, in any case.
    pub q: Option<String>,
    /// Where the last page ended.
    pub cursor: Option<String>,
    /// How many, 50 unless set, 500 at most.
    pub limit: Option<usize>,
}

/// A page of calls, newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "CallPage")
)]
pub struct HistoryPage {
    /// The calls.
    pub calls: Vec<HistoryEntry>,
    /// Where the next page begins, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A call that was made. It never holds input, config or result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "CallRecord")
)]
pub struct HistoryEntry {
    /// Its id.
    pub id: String,
    /// When it began, RFC 3339.
    pub started_at: String,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The connector.
    pub connector: String,
    /// Its version.
    pub version: String,
    /// The operation.
    pub operation: String,
    /// The instance's name.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub instance: String,
    /// Who called.
    pub caller: String,
    /// The id in the logs.
    pub request_id: String,
    /// The trace that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub trace_id: Option<String>,
    /// `ok`, `operation_error`, `transport_error`, `deadline`, `cancelled`, `refused` …
    pub outcome: String,
    /// The operation's error code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// What went wrong, with secrets masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The size of the result, in bytes.
    pub result_bytes: u64,
}

/// What kinds a list holds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ListQuery {
    /// Only this kind.
    pub kind: Option<Kind>,
}

/// How long a call may take unless it says so itself.
pub const DEFAULT_CALL_TIMEOUT: Duration = Duration::from_secs(30);
