//! A store, and what a host cannot see from outside.

use std::{
    collections::HashMap,
    os::fd::BorrowedFd,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use outboard_go_plugin::broker::Broker;
use outboard_interop::{
    generated::peer::{
        CallBackRequest, CallBackResponse, DisconnectRequest, DisconnectResponse, EchoRequest,
        EchoResponse, GetRequest, GetResponse, HangRequest, HangResponse, HungResponse,
        OfferRequest, OfferResponse, PutRequest, PutResponse, kv_server, peer_server,
    },
    matrix::{self, METADATA},
};
use rustix::net::{Shutdown, SocketAddrAny, getpeername, getsockname, shutdown};
use tonic::{Code, Request, Response, Status, metadata::MetadataMap};

use crate::Shared;

/// A key-value store of one protocol version.
pub(crate) struct Store {
    version: u32,
    values: Mutex<HashMap<String, prost::bytes::Bytes>>,
}

impl Store {
    pub(crate) fn new(version: u32) -> Store {
        Store {
            version,
            values: Mutex::default(),
        }
    }
}

#[tonic::async_trait]
impl kv_server::Kv for Store {
    async fn put(&self, request: Request<PutRequest>) -> Result<Response<PutResponse>, Status> {
        let PutRequest { key, value } = request.into_inner();
        lock(&self.values).insert(key, value);
        Ok(Response::new(PutResponse {}))
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        let key = &request.get_ref().key;
        match lock(&self.values).get(key) {
            Some(value) => Ok(Response::new(GetResponse {
                value: value.clone(),
                version: self.version,
            })),
            None => Err(Status::not_found(format!("nobody put {key:?}"))),
        }
    }
}

/// The plugin's side of what the matrix tests.
pub(crate) struct Peer {
    broker: Broker,
    served: Shared,
    /// Of every call of Hang, whether it was cancelled.
    hung: Arc<Mutex<HashMap<String, bool>>>,
}

impl Peer {
    pub(crate) fn new(broker: Broker, served: Shared) -> Peer {
        Peer {
            broker,
            served,
            hung: Arc::default(),
        }
    }
}

/// Notes that a call is over, which for one that never ends means: cancelled.
struct Cancelled(Arc<Mutex<HashMap<String, bool>>>, String);

impl Drop for Cancelled {
    fn drop(&mut self) {
        lock(&self.0).insert(std::mem::take(&mut self.1), true);
    }
}

#[tonic::async_trait]
impl peer_server::Peer for Peer {
    async fn echo(&self, request: Request<EchoRequest>) -> Result<Response<EchoResponse>, Status> {
        let mut back = MetadataMap::new();
        if let Some(value) = request.metadata().get(METADATA) {
            back.insert(METADATA, value.clone());
        }
        let request = request.get_ref();
        if request.refuse {
            return Err(Status::with_metadata(Code::Aborted, "refused", back));
        }
        let size = usize::try_from(request.answer_bytes).unwrap_or_default();
        let mut response = Response::new(EchoResponse {
            data: vec![0; size].into(),
            got_bytes: u32::try_from(request.data.len()).unwrap_or_default(),
        });
        *response.metadata_mut() = back;
        Ok(response)
    }

    async fn hang(&self, request: Request<HangRequest>) -> Result<Response<HangResponse>, Status> {
        let name = request.into_inner().name;
        lock(&self.hung).insert(name.clone(), false);
        let _cancelled = Cancelled(self.hung.clone(), name);
        std::future::pending().await
    }

    async fn hung(&self, request: Request<HangRequest>) -> Result<Response<HungResponse>, Status> {
        let cancelled = lock(&self.hung).get(&request.get_ref().name).copied();
        Ok(Response::new(HungResponse {
            begun: cancelled.is_some(),
            cancelled: cancelled.unwrap_or_default(),
        }))
    }

    async fn call_back(
        &self,
        request: Request<CallBackRequest>,
    ) -> Result<Response<CallBackResponse>, Status> {
        let CallBackRequest { ids, wait_ms } = request.into_inner();
        tokio::time::sleep(Duration::from_millis(wait_ms.into())).await;
        let (answers, error) = matrix::ping_all(&self.broker, &ids).await;
        let error = error.unwrap_or_default();
        Ok(Response::new(CallBackResponse { answers, error }))
    }

    async fn offer(
        &self,
        request: Request<OfferRequest>,
    ) -> Result<Response<OfferResponse>, Status> {
        let OfferRequest { count, wait_ms } = request.into_inner();
        let ids: Vec<u32> = (0..count).map(|_| self.broker.next_id()).collect();
        let (broker, shared, offered) = (self.broker.clone(), self.served.clone(), ids.clone());
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(wait_ms.into())).await;
            for id in offered {
                match matrix::serve_ping_pong(&broker, id).await {
                    Ok(served) => lock(&shared).push(served),
                    Err(error) => outboard_sdk::tracing::error!(%error, "cannot accept"),
                }
            }
        });
        Ok(Response::new(OfferResponse { ids }))
    }

    async fn disconnect(
        &self,
        request: Request<DisconnectRequest>,
    ) -> Result<Response<DisconnectResponse>, Status> {
        let address = &request.get_ref().address;
        for number in 0..1024 {
            // SAFETY: the number is only used to ask the kernel what it is; if it is
            // closed by then or another file, the kernel says so or the address differs.
            let socket = unsafe { BorrowedFd::borrow_raw(number) };
            let own = getsockname(socket).is_ok_and(|own| text(own) == *address);
            // The listener has no peer.
            if own && getpeername(socket).is_ok_and(|peer| peer.is_some()) {
                let _ = shutdown(socket, Shutdown::Both);
            }
        }
        Ok(Response::new(DisconnectResponse {}))
    }
}

/// An address as go-plugin writes it.
fn text(address: SocketAddrAny) -> String {
    if let Ok(unix) = rustix::net::SocketAddrUnix::try_from(address.clone()) {
        let path = unix.path().map(|path| path.to_string_lossy().into_owned());
        return path.unwrap_or_default();
    }
    let tcp = std::net::SocketAddr::try_from(address);
    tcp.map_or_else(|_| String::new(), |address| address.to_string())
}

pub(crate) fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
