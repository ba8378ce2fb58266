//! Sockets to be reached at: a Unix socket in a directory that is given, or a
//! loopback port in a range. Plugins listen on one for their host, and either
//! side on one for each brokered connection.

#[cfg(feature = "plugin")]
use std::env;
use std::{
    io,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use tokio::net::TcpListener;

use super::{Address, Connection};
use crate::environment;

/// Longest path of a Unix socket, in bytes, without the closing zero.
pub(crate) const MAX_SOCKET_PATH: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// How many names are tried where files of earlier processes are in the way.
const BIND_TRIES: u32 = 100;

/// The kind of socket that a plugin listens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Network {
    /// A Unix socket where the platform has them, TCP elsewhere.
    #[default]
    Auto,
    /// TCP on 127.0.0.1, on a port from `PLUGIN_MIN_PORT` to `PLUGIN_MAX_PORT`,
    /// or any free one where the host gives no range.
    Tcp,
}

/// Where and how one side makes its sockets.
#[derive(Debug, Clone)]
pub(crate) struct Sockets {
    pub(crate) network: Network,
    /// For Unix sockets.
    pub(crate) directory: PathBuf,
    /// The group that may use Unix sockets, by name or number.
    pub(crate) group: Option<String>,
    /// The lowest and the highest TCP port; 0 and 0 for any.
    pub(crate) ports: (u16, u16),
}

impl Sockets {
    /// What the host told this plugin through its environment.
    #[cfg(feature = "plugin")]
    pub(crate) fn from_environment(network: Network) -> io::Result<Sockets> {
        let text = |name| env::var_os(name).filter(|value| !value.is_empty());
        let directory = text(environment::UNIX_SOCKET_DIR).map(PathBuf::from);
        let group = text(environment::UNIX_SOCKET_GROUP);
        Ok(Sockets {
            network,
            directory: directory.unwrap_or_else(env::temp_dir),
            group: group.map(|group| group.to_string_lossy().into_owned()),
            ports: (port(environment::MIN_PORT)?, port(environment::MAX_PORT)?),
        })
    }

    pub(crate) async fn listen(&self) -> io::Result<Listener> {
        #[cfg(unix)]
        if self.network == Network::Auto {
            return bind_unix(&self.directory, self.group.as_deref());
        }
        bind_tcp(self.ports).await
    }
}

/// A socket that accepts. Dropping it removes its file.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: Socket,
    address: Address,
}

#[derive(Debug)]
enum Socket {
    #[cfg(unix)]
    Unix(tokio::net::UnixListener),
    Tcp(TcpListener),
}

impl Listener {
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    pub(crate) async fn accept(&self) -> io::Result<Connection> {
        match &self.socket {
            #[cfg(unix)]
            Socket::Unix(listener) => listener.accept().await?.0.try_into(),
            Socket::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(stream.into())
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Address::Unix(path) = &self.address {
            // Gone already if the host was quicker.
            let _ = std::fs::remove_file(path);
        }
    }
}

#[cfg(unix)]
fn bind_unix(directory: &Path, group: Option<&str>) -> io::Result<Listener> {
    let mut tries = 0;
    let (path, socket) = loop {
        let path = socket_path(directory)?;
        match std::os::unix::net::UnixListener::bind(&path) {
            Ok(socket) => break (path, socket),
            // An earlier process of the same id left its file.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries < BIND_TRIES => {
                tries += 1;
            }
            Err(error) => {
                let text = format!("cannot listen on {}: {error}", path.display());
                return Err(io::Error::new(error.kind(), text));
            }
        }
    };
    let listener = |socket: std::os::unix::net::UnixListener| {
        set_group(&path, group)?;
        socket.set_nonblocking(true)?;
        tokio::net::UnixListener::from_std(socket)
    };
    match listener(socket) {
        Ok(socket) => Ok(Listener {
            socket: Socket::Unix(socket),
            address: Address::Unix(path),
        }),
        Err(error) => {
            let _ = std::fs::remove_file(&path);
            Err(error)
        }
    }
}

/// A name that no living process uses: the process id and a count make it so.
#[cfg(unix)]
fn socket_path(directory: &Path) -> io::Result<PathBuf> {
    use std::os::unix::ffi::OsStrExt as _;

    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = directory.join(format!("plugin{}-{count}", std::process::id()));
    let length = path.as_os_str().as_bytes().len();
    if length > MAX_SOCKET_PATH {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "the socket path {} has {length} bytes and the system allows {MAX_SOCKET_PATH}: \
                 set {} or TMPDIR to a shorter directory",
                path.display(),
                environment::UNIX_SOCKET_DIR,
            ),
        ));
    }
    Ok(path)
}

/// Gives the socket to the group that the host names by number.
#[cfg(unix)]
fn set_group(path: &Path, group: Option<&str>) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    let Some(group) = group else {
        return Ok(());
    };
    let id = match group.parse() {
        Ok(id) => id,
        Err(_) => group_by_name(group)?,
    };
    std::os::unix::fs::chown(path, None, Some(id))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))
}

/// Looks a group up in `/etc/group`: `name:password:number:members`.
#[cfg(unix)]
fn group_by_name(name: &str) -> io::Result<u32> {
    let groups = std::fs::read_to_string("/etc/group")?;
    let id = groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name))
            .then(|| fields.nth(1))
            .flatten()?
            .parse()
            .ok()
    });
    id.ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::NotFound,
            format!(
                "{} names the group {name:?}, which does not exist",
                environment::UNIX_SOCKET_GROUP
            ),
        )
    })
}

async fn bind_tcp((low, high): (u16, u16)) -> io::Result<Listener> {
    if low > high {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "{}={low} is above {}={high}",
                environment::MIN_PORT,
                environment::MAX_PORT
            ),
        ));
    }
    let mut last = None;
    for port in low..=high {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            Ok(socket) => {
                let address = Address::Tcp(socket.local_addr()?);
                return Ok(Listener {
                    socket: Socket::Tcp(socket),
                    address,
                });
            }
            Err(error) => last = Some(error),
        }
    }
    Err(io::Error::new(
        io::ErrorKind::AddrInUse,
        match last {
            Some(error) => format!("no port from {low} to {high} is free: {error}"),
            None => format!("no port from {low} to {high} is free"),
        },
    ))
}

#[cfg(feature = "plugin")]
fn port(variable: &str) -> io::Result<u16> {
    match env::var(variable) {
        Ok(text) if !text.is_empty() => text.parse().map_err(|_| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{variable}={text:?} is not a port number"),
            )
        }),
        _ => Ok(0),
    }
}
