//! Where a plugin listens: a Unix socket in the directory that the host names,
//! or a loopback port in the range that the host allows.

use std::{
    env, io,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use tokio::net::TcpListener;

use crate::{
    environment,
    transport::{Address, Connection},
};

/// Longest path of a Unix socket, in bytes, without the closing zero.
#[cfg(target_os = "linux")]
pub(crate) const MAX_SOCKET_PATH: usize = 107;
/// Longest path of a Unix socket, in bytes, without the closing zero.
#[cfg(not(target_os = "linux"))]
pub(crate) const MAX_SOCKET_PATH: usize = 103;

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

pub(super) struct Listener {
    socket: Socket,
    address: Address,
}

enum Socket {
    #[cfg(unix)]
    Unix(tokio::net::UnixListener),
    Tcp(TcpListener),
}

impl Listener {
    pub(super) async fn bind(network: Network) -> io::Result<Listener> {
        #[cfg(unix)]
        if network == Network::Auto {
            return bind_unix();
        }
        let _ = network;
        bind_tcp().await
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    pub(super) async fn accept(&self) -> io::Result<Connection> {
        match &self.socket {
            #[cfg(unix)]
            Socket::Unix(listener) => Ok(listener.accept().await?.0.into()),
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
fn bind_unix() -> io::Result<Listener> {
    let directory = match env::var_os(environment::UNIX_SOCKET_DIR) {
        Some(directory) if !directory.is_empty() => PathBuf::from(directory),
        _ => env::temp_dir(),
    };
    let path = socket_path(&directory)?;
    let socket = std::os::unix::net::UnixListener::bind(&path).map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("cannot listen on {}: {error}", path.display()),
        )
    })?;
    let listener = |socket: std::os::unix::net::UnixListener| {
        set_group(&path)?;
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

/// A path that no other process uses: the process id and the clock make it so.
#[cfg(unix)]
fn socket_path(directory: &Path) -> io::Result<PathBuf> {
    use std::os::unix::ffi::OsStrExt as _;

    let nanos = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .subsec_nanos();
    let path = directory.join(format!("plugin{}{nanos}", std::process::id()));
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
fn set_group(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    let Ok(group) = env::var(environment::UNIX_SOCKET_GROUP) else {
        return Ok(());
    };
    if group.is_empty() {
        return Ok(());
    }
    let id = match group.parse() {
        Ok(id) => id,
        Err(_) => group_by_name(&group)?,
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

async fn bind_tcp() -> io::Result<Listener> {
    let (low, high) = (port(environment::MIN_PORT)?, port(environment::MAX_PORT)?);
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
