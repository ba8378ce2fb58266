//! What can be typed about connectors, tools and jobs.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum ConnectorCommand {
    /// Write a new connector in Rust, ready to build
    #[command(after_help = "Examples:\n  outboard connector new weather\n  \
        outboard connector new weather --sdk-path ../outboard/crates/outboard-sdk")]
    New(NewArgs),
    /// Build a connector's project into a directory that can be installed
    #[command(after_help = "Examples:\n  outboard connector build\n  \
        outboard connector build weather --sign-key keys/me.key")]
    Build(BuildArgs),
    /// Make an archive out of a built connector
    #[command(after_help = "Examples:\n  outboard connector pack dist/weather\n  \
        outboard connector pack dist/weather --out-dir release")]
    Pack(PackArgs),
    /// Make a key pair to sign with
    #[command(after_help = "Examples:\n  outboard connector keygen me.key\n  \
        outboard connector keygen me.key --json")]
    Keygen(KeygenArgs),
    /// Sign a built connector: its program for the original's hosts, and all of it for ours
    #[command(
        after_help = "Examples:\n  outboard connector sign dist/weather --key me.key\n  \
        outboard connector sign dist/weather --key me.key --json"
    )]
    Sign(SignArgs),
    /// Check a package's digest and signatures, or those of one that is installed
    #[command(after_help = "Examples:\n  outboard connector verify dist/weather\n  \
        outboard connector verify weather --public-key me.key.pub")]
    Verify(VerifyArgs),
    /// Trust a public key: packages that it signed may be installed
    #[command(
        after_help = "Examples:\n  outboard connector trust publisher.key.pub\n  \
        outboard connector trust 6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw="
    )]
    Trust(TrustArgs),
    /// Look for connectors in the catalogs
    #[command(after_help = "Examples:\n  outboard connector search\n  \
        outboard connector search mail --json")]
    Search {
        /// Words to look for in key, name, description and tags
        query: Option<String>,
    },
    /// Install from a directory, an archive, a URL, or a catalog by key
    #[command(
        after_help = "Examples:\n  outboard connector install dist/weather\n  \
        outboard connector install weather@1.2.0"
    )]
    Install(InstallArgs),
    /// Install the newest version that a catalog has
    #[command(after_help = "Examples:\n  outboard connector update weather\n  \
        outboard connector update --all")]
    Update(UpdateArgs),
    /// Go back to the version before
    #[command(after_help = "Examples:\n  outboard connector rollback weather\n  \
        outboard connector rollback weather --to 1.0.0")]
    Rollback {
        /// The connector's key
        key: String,
        /// This version, instead of the one before
        #[arg(long, value_name = "VERSION")]
        to: Option<String>,
    },
    /// Remove a connector; its config and history stay
    #[command(after_help = "Examples:\n  outboard connector remove weather\n  \
        outboard connector remove weather --purge")]
    Remove {
        /// The connector's key
        key: String,
        /// Also its instances and its history
        #[arg(long)]
        purge: bool,
    },
    /// Let a connector be called again
    #[command(after_help = "Examples:\n  outboard connector enable weather\n  \
        outboard connector enable weather --json")]
    Enable(KeyArgs),
    /// Let a connector not be called; calls that run finish
    #[command(after_help = "Examples:\n  outboard connector disable weather\n  \
        outboard connector disable weather --json")]
    Disable(KeyArgs),
    /// What is installed; starts nothing
    #[command(after_help = "Examples:\n  outboard connector list\n  \
        outboard connector list --json")]
    List,
    /// All about one connector: operations, fields, versions, process
    #[command(after_help = "Examples:\n  outboard connector show weather\n  \
        outboard connector show weather --json")]
    Show(KeyArgs),
    /// Instances of a connector: sets of config values
    #[command(
        subcommand,
        after_help = "Examples:\n  outboard connector config set weather base_url=https://api.test\n  \
        outboard connector config list weather"
    )]
    Config(ConfigCommand),
    /// Run an operation; the result goes to standard output as JSON
    #[command(
        after_help = "Examples:\n  outboard connector call weather today --input \
        '{\"city\": \"Bern\"}'\n  outboard connector call weather today --input @call.json"
    )]
    Call(CallArgs),
    /// Calls that were made, newest first
    #[command(after_help = "Examples:\n  outboard connector history\n  \
        outboard connector history weather --outcome operation_error")]
    History(HistoryArgs),
    /// What a connector said
    #[command(after_help = "Examples:\n  outboard connector logs weather\n  \
        outboard connector logs weather -n 20")]
    Logs {
        /// The connector's key
        key: String,
        /// How many of the last lines
        #[arg(short = 'n', long, default_value_t = 100, value_name = "COUNT")]
        lines: usize,
    },
    /// Lists of connectors that can be installed
    #[command(
        subcommand,
        after_help = "Examples:\n  outboard connector catalog build release --base-url \
        https://example.org/release\n  outboard connector catalog build --releases releases.json"
    )]
    Catalog(CatalogCommand),
}

/// Tools and jobs are installed like connectors, and listed and called by their own word.
#[derive(Debug, Subcommand)]
pub(crate) enum KindCommand {
    /// What is installed; starts nothing
    #[command(after_help = "Examples:\n  outboard tool list\n  outboard job list --json")]
    List,
    /// All about one
    #[command(
        after_help = "Examples:\n  outboard tool show checksum\n  outboard job show report --json"
    )]
    Show(KeyArgs),
    /// Run an operation; the result goes to standard output as JSON
    #[command(
        after_help = "Examples:\n  outboard tool call checksum sha256 --input \
        '{\"text\": \"a\"}'\n  outboard job call report run"
    )]
    Call(CallArgs),
}

#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    /// The connector's key
    pub(crate) key: String,
}

#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// Lower case letters, digits and underscores
    pub(crate) key: String,
    /// Where to write it [default: a directory of that name]
    #[arg(long, value_name = "DIR")]
    pub(crate) path: Option<PathBuf>,
    /// Use the SDK at this path instead of a released one
    #[arg(long, value_name = "DIR")]
    pub(crate) sdk_path: Option<PathBuf>,
    /// What it is
    #[arg(long, value_enum, default_value_t)]
    pub(crate) kind: KindWord,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum KindWord {
    /// Wraps a service
    #[default]
    Connector,
    /// Operations that need no service
    Tool,
    /// Operations that are run, not answered
    Job,
}

#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// The project [default: the current directory]
    pub(crate) project: Option<PathBuf>,
    /// Where to write KEY/ [default: dist in the project]
    #[arg(long, value_name = "DIR")]
    pub(crate) out_dir: Option<PathBuf>,
    /// Sign with this private key, as `connector keygen` makes it
    #[arg(long, value_name = "FILE")]
    pub(crate) sign_key: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct PackArgs {
    /// A directory with plugin.json and the program
    pub(crate) directory: PathBuf,
    /// Where to write the archive [default: the current directory]
    #[arg(long, value_name = "DIR")]
    pub(crate) out_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct KeygenArgs {
    /// Where to write the private key; the public one goes beside it with .pub
    #[arg(default_value = "outboard.key")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct SignArgs {
    /// A directory with plugin.json and the program
    pub(crate) directory: PathBuf,
    /// The private key, as `connector keygen` makes it
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct TrustArgs {
    /// A file that `connector keygen` made, or the key itself in base64
    pub(crate) public_key: String,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// A directory, an archive, or the key of an installed connector
    pub(crate) package: String,
    /// Trust this public key as well: a file, or the key itself in base64
    #[arg(long, value_name = "KEY")]
    pub(crate) public_key: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct InstallArgs {
    /// A directory, an archive, a URL, or a key in a catalog, as KEY@VERSION for one version
    pub(crate) source: String,
    #[command(flatten)]
    pub(crate) options: InstallOptionArgs,
    /// Only the version and the program that outboard.lock names for it
    #[arg(long)]
    pub(crate) locked: bool,
    /// The SHA-256 that the archive must have
    #[arg(long, value_name = "HEX")]
    pub(crate) sha256: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct InstallOptionArgs {
    /// Also if it replaces a newer version
    #[arg(long)]
    pub(crate) allow_downgrade: bool,
    /// Also without a signature of a trusted key, this once
    #[arg(long)]
    pub(crate) allow_unsigned: bool,
    /// Also over http: from another machine, this once
    #[arg(long)]
    pub(crate) allow_http: bool,
}

#[derive(Debug, Args)]
pub(crate) struct UpdateArgs {
    /// The connector's key
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub(crate) key: Option<String>,
    /// All that have a newer version
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) options: InstallOptionArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// The instances of a connector
    #[command(after_help = "Examples:\n  outboard connector config list weather\n  \
        outboard connector config list weather --json")]
    List(KeyArgs),
    /// The values of one instance; secrets are masked
    #[command(after_help = "Examples:\n  outboard connector config show weather\n  \
        outboard connector config show weather --instance work")]
    Show(InstanceArgs),
    /// Set values, and make the instance if it is not there
    #[command(after_help = "Examples:\n  outboard connector config set weather \
        base_url=https://api.test\n  outboard connector config set weather api_key=@key.txt \
        --instance work")]
    Set {
        #[command(flatten)]
        instance: InstanceArgs,
        /// KEY=VALUE, KEY=@FILE or KEY=- for standard input; KEY= clears it
        #[arg(required = true)]
        values: Vec<String>,
    },
    /// Remove an instance, with its tokens
    #[command(
        after_help = "Examples:\n  outboard connector config remove weather\n  \
        outboard connector config remove weather --instance work"
    )]
    Remove(InstanceArgs),
    /// Sign in to the service with a browser
    #[command(after_help = "Examples:\n  outboard connector config sign-in mail\n  \
        outboard connector config sign-in mail --instance work")]
    SignIn {
        #[command(flatten)]
        instance: InstanceArgs,
        /// The port of this machine that the browser comes back to; 0 is any free one
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
}

#[derive(Debug, Args)]
pub(crate) struct InstanceArgs {
    /// The connector's key
    pub(crate) key: String,
    /// The instance's name
    #[arg(long, default_value = "default", value_name = "NAME")]
    pub(crate) instance: String,
}

#[derive(Debug, Args)]
pub(crate) struct CallArgs {
    /// The connector's key
    pub(crate) key: String,
    /// The operation's key
    pub(crate) operation: String,
    /// What to call it with: JSON, @FILE, or - for standard input
    #[arg(long, value_name = "INPUT")]
    pub(crate) input: Option<String>,
    /// Whose config to use, if the connector has several instances
    #[arg(long, value_name = "NAME")]
    pub(crate) instance: Option<String>,
    /// Config for this call alone: JSON, @FILE, or - for standard input
    #[arg(long, value_name = "CONFIG", conflicts_with = "instance")]
    pub(crate) config_values: Option<String>,
    /// How long it may take [default: 30s]
    #[arg(long, value_name = "DURATION")]
    pub(crate) timeout: Option<String>,
    /// Go ahead with an operation that destroys something
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    /// Only this connector
    pub(crate) key: Option<String>,
    /// Only this operation
    #[arg(long, value_name = "KEY")]
    pub(crate) operation: Option<String>,
    /// Only this outcome, such as ok or operation_error
    #[arg(long, value_name = "OUTCOME")]
    pub(crate) outcome: Option<String>,
    /// How many
    #[arg(short = 'n', long, default_value_t = 50, value_name = "COUNT")]
    pub(crate) limit: usize,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CatalogCommand {
    /// Write a catalog of a directory of archives, or of a list of releases
    #[command(
        after_help = "Examples:\n  outboard connector catalog build release --base-url \
        https://example.org/release\n  outboard connector catalog build --repository me/connectors \
        --out plugins.json"
    )]
    Build(CatalogBuildArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CatalogBuildArgs {
    /// A directory of archives, as `connector pack` makes them
    #[arg(required_unless_present_any = ["releases", "repository"])]
    pub(crate) directory: Option<PathBuf>,
    /// Where the archives of the directory will be
    #[arg(long, value_name = "URL", requires = "directory")]
    pub(crate) base_url: Option<String>,
    /// Releases as GitHub lists them, in a file
    #[arg(long, value_name = "FILE", conflicts_with = "directory")]
    pub(crate) releases: Option<PathBuf>,
    /// Releases of OWNER/NAME on GitHub; GITHUB_TOKEN is used if it is set
    #[arg(long, value_name = "OWNER/NAME", conflicts_with_all = ["directory", "releases"])]
    pub(crate) repository: Option<String>,
    /// Where to write it; - is standard output
    #[arg(long, short, default_value = "plugins.json", value_name = "FILE")]
    pub(crate) out: PathBuf,
}
