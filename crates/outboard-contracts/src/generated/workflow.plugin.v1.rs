#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Manifest {
    #[prost(string, tag = "1")]
    pub name: ::prost::alloc::string::String,
    #[prost(string, tag = "2")]
    pub version: ::prost::alloc::string::String,
    #[prost(string, tag = "3")]
    pub author: ::prost::alloc::string::String,
    #[prost(string, tag = "4")]
    pub description: ::prost::alloc::string::String,
    /// The plugin accepts changes of its config while it runs. Since v0.3.3.
    #[prost(bool, tag = "5")]
    pub config_mutable: bool,
    /// Not empty for a sample application: where to list it. Since v0.3.3.
    #[prost(string, tag = "6")]
    pub sample_category: ::prost::alloc::string::String,
}
/// Typed contracts of a plugin. Since v0.19.0.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ContractRegistry {
    #[prost(message, repeated, tag = "1")]
    pub contracts: ::prost::alloc::vec::Vec<ContractDescriptor>,
    /// Every message that a contract names, with its dependencies.
    #[prost(message, optional, tag = "2")]
    pub file_descriptor_set: ::core::option::Option<::prost_types::FileDescriptorSet>,
}
/// One typed contract. Since v0.19.0.
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct ContractDescriptor {
    #[prost(enumeration = "ContractKind", tag = "1")]
    pub kind: i32,
    #[prost(string, tag = "2")]
    pub module_type: ::prost::alloc::string::String,
    #[prost(string, tag = "3")]
    pub step_type: ::prost::alloc::string::String,
    #[prost(string, tag = "4")]
    pub trigger_type: ::prost::alloc::string::String,
    #[prost(string, tag = "5")]
    pub service_name: ::prost::alloc::string::String,
    #[prost(string, tag = "6")]
    pub method: ::prost::alloc::string::String,
    /// Full names of messages in the registry's descriptor set.
    #[prost(string, tag = "7")]
    pub config_message: ::prost::alloc::string::String,
    #[prost(string, tag = "8")]
    pub input_message: ::prost::alloc::string::String,
    #[prost(string, tag = "9")]
    pub output_message: ::prost::alloc::string::String,
    #[prost(enumeration = "ContractMode", tag = "10")]
    pub mode: i32,
    /// 11 to 16: contracts that consist of messages only. Since v0.64.7.
    #[prost(string, tag = "11")]
    pub contract_type: ::prost::alloc::string::String,
    #[prost(string, tag = "12")]
    pub proto_package: ::prost::alloc::string::String,
    #[prost(string, repeated, tag = "13")]
    pub message_names: ::prost::alloc::vec::Vec<::prost::alloc::string::String>,
    #[prost(string, tag = "14")]
    pub go_import_path: ::prost::alloc::string::String,
    #[prost(string, tag = "15")]
    pub schema_digest: ::prost::alloc::string::String,
    #[prost(string, tag = "16")]
    pub protocol_version: ::prost::alloc::string::String,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct TypeList {
    #[prost(string, repeated, tag = "1")]
    pub types: ::prost::alloc::vec::Vec<::prost::alloc::string::String>,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ModuleSchemaList {
    #[prost(message, repeated, tag = "1")]
    pub schemas: ::prost::alloc::vec::Vec<ModuleSchema>,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ModuleSchema {
    #[prost(string, tag = "1")]
    pub r#type: ::prost::alloc::string::String,
    #[prost(string, tag = "2")]
    pub label: ::prost::alloc::string::String,
    #[prost(string, tag = "3")]
    pub category: ::prost::alloc::string::String,
    #[prost(string, tag = "4")]
    pub description: ::prost::alloc::string::String,
    #[prost(message, repeated, tag = "5")]
    pub inputs: ::prost::alloc::vec::Vec<ServiceIoDef>,
    #[prost(message, repeated, tag = "6")]
    pub outputs: ::prost::alloc::vec::Vec<ServiceIoDef>,
    #[prost(message, repeated, tag = "7")]
    pub config_fields: ::prost::alloc::vec::Vec<ConfigFieldDef>,
}
/// One input or output of a module type.
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct ServiceIoDef {
    #[prost(string, tag = "1")]
    pub name: ::prost::alloc::string::String,
    #[prost(string, tag = "2")]
    pub r#type: ::prost::alloc::string::String,
    #[prost(string, tag = "3")]
    pub description: ::prost::alloc::string::String,
}
/// One config key of a module type.
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct ConfigFieldDef {
    #[prost(string, tag = "1")]
    pub name: ::prost::alloc::string::String,
    #[prost(string, tag = "2")]
    pub r#type: ::prost::alloc::string::String,
    #[prost(string, tag = "3")]
    pub description: ::prost::alloc::string::String,
    /// Text whatever the type is.
    #[prost(string, tag = "4")]
    pub default_value: ::prost::alloc::string::String,
    #[prost(bool, tag = "5")]
    pub required: bool,
    /// The values that are allowed; empty for any.
    #[prost(string, repeated, tag = "6")]
    pub options: ::prost::alloc::vec::Vec<::prost::alloc::string::String>,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct CreateModuleRequest {
    #[prost(string, tag = "1")]
    pub r#type: ::prost::alloc::string::String,
    #[prost(string, tag = "2")]
    pub name: ::prost::alloc::string::String,
    #[prost(message, optional, tag = "3")]
    pub config: ::core::option::Option<::prost_types::Struct>,
    /// The same config in its typed form. Since v0.19.0.
    #[prost(message, optional, tag = "4")]
    pub typed_config: ::core::option::Option<::prost_types::Any>,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct CreateStepRequest {
    #[prost(string, tag = "1")]
    pub r#type: ::prost::alloc::string::String,
    #[prost(string, tag = "2")]
    pub name: ::prost::alloc::string::String,
    #[prost(message, optional, tag = "3")]
    pub config: ::core::option::Option<::prost_types::Struct>,
    /// The same config in its typed form. Since v0.19.0.
    #[prost(message, optional, tag = "4")]
    pub typed_config: ::core::option::Option<::prost_types::Any>,
}
/// Since v0.27.3.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct CreateTriggerRequest {
    #[prost(string, tag = "1")]
    pub r#type: ::prost::alloc::string::String,
    #[prost(string, tag = "2")]
    pub name: ::prost::alloc::string::String,
    #[prost(message, optional, tag = "3")]
    pub config: ::core::option::Option<::prost_types::Struct>,
}
/// Either a handle or an error.
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct HandleResponse {
    #[prost(string, tag = "1")]
    pub handle_id: ::prost::alloc::string::String,
    #[prost(string, tag = "2")]
    pub error: ::prost::alloc::string::String,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct HandleRequest {
    #[prost(string, tag = "1")]
    pub handle_id: ::prost::alloc::string::String,
}
/// An empty error is success.
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct ErrorResponse {
    #[prost(string, tag = "1")]
    pub error: ::prost::alloc::string::String,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ExecuteStepRequest {
    #[prost(string, tag = "1")]
    pub handle_id: ::prost::alloc::string::String,
    /// What started the pipeline.
    #[prost(message, optional, tag = "2")]
    pub trigger_data: ::core::option::Option<::prost_types::Struct>,
    /// What earlier steps gave, by step name.
    #[prost(btree_map = "string, message", tag = "3")]
    pub step_outputs: ::prost::alloc::collections::BTreeMap<
        ::prost::alloc::string::String,
        ::prost_types::Struct,
    >,
    /// Trigger data and all outputs so far, merged.
    #[prost(message, optional, tag = "4")]
    pub current: ::core::option::Option<::prost_types::Struct>,
    #[prost(message, optional, tag = "5")]
    pub metadata: ::core::option::Option<::prost_types::Struct>,
    /// The step's config with its templates resolved for this run. Since v0.3.5.
    #[prost(message, optional, tag = "6")]
    pub config: ::core::option::Option<::prost_types::Struct>,
    /// Config and input in their typed form. Since v0.19.0.
    #[prost(message, optional, tag = "7")]
    pub typed_config: ::core::option::Option<::prost_types::Any>,
    #[prost(message, optional, tag = "8")]
    pub typed_input: ::core::option::Option<::prost_types::Any>,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ExecuteStepResponse {
    #[prost(message, optional, tag = "1")]
    pub output: ::core::option::Option<::prost_types::Struct>,
    #[prost(string, tag = "2")]
    pub error: ::prost::alloc::string::String,
    /// Ends the pipeline here, as a success.
    #[prost(bool, tag = "3")]
    pub stop_pipeline: bool,
    /// Since v0.19.0.
    #[prost(message, optional, tag = "4")]
    pub typed_output: ::core::option::Option<::prost_types::Any>,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct InvokeServiceRequest {
    #[prost(string, tag = "1")]
    pub handle_id: ::prost::alloc::string::String,
    #[prost(string, tag = "2")]
    pub method: ::prost::alloc::string::String,
    #[prost(message, optional, tag = "3")]
    pub args: ::core::option::Option<::prost_types::Struct>,
    /// Since v0.19.0.
    #[prost(message, optional, tag = "4")]
    pub typed_input: ::core::option::Option<::prost_types::Any>,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct InvokeServiceResponse {
    #[prost(message, optional, tag = "1")]
    pub result: ::core::option::Option<::prost_types::Struct>,
    #[prost(string, tag = "2")]
    pub error: ::prost::alloc::string::String,
    /// Since v0.19.0.
    #[prost(message, optional, tag = "3")]
    pub typed_output: ::core::option::Option<::prost_types::Any>,
}
/// Since v0.27.3.
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct ConfigureCallbackRequest {
    #[prost(uint32, tag = "1")]
    pub broker_id: u32,
}
/// Since v0.3.3.
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct GetAssetRequest {
    #[prost(string, tag = "1")]
    pub path: ::prost::alloc::string::String,
}
/// Since v0.3.3.
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct GetAssetResponse {
    #[prost(bytes = "bytes", tag = "1")]
    pub content: ::prost::bytes::Bytes,
    #[prost(string, tag = "2")]
    pub content_type: ::prost::alloc::string::String,
    #[prost(string, tag = "3")]
    pub error: ::prost::alloc::string::String,
}
/// Since v0.1.7.
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct ConfigFragmentResponse {
    #[prost(bytes = "bytes", tag = "1")]
    pub yaml_config: ::prost::bytes::Bytes,
    /// What relative paths in the fragment are relative to.
    #[prost(string, tag = "2")]
    pub plugin_dir: ::prost::alloc::string::String,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct TriggerWorkflowRequest {
    #[prost(string, tag = "1")]
    pub trigger_type: ::prost::alloc::string::String,
    #[prost(string, tag = "2")]
    pub action: ::prost::alloc::string::String,
    #[prost(message, optional, tag = "3")]
    pub data: ::core::option::Option<::prost_types::Struct>,
    /// Since v0.19.0.
    #[prost(message, optional, tag = "4")]
    pub typed_data: ::core::option::Option<::prost_types::Any>,
}
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct GetServiceRequest {
    #[prost(string, tag = "1")]
    pub name: ::prost::alloc::string::String,
}
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct GetServiceResponse {
    #[prost(bool, tag = "1")]
    pub found: bool,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct LogRequest {
    #[prost(string, tag = "1")]
    pub level: ::prost::alloc::string::String,
    #[prost(string, tag = "2")]
    pub message: ::prost::alloc::string::String,
    #[prost(message, optional, tag = "3")]
    pub fields: ::core::option::Option<::prost_types::Struct>,
}
/// Since v0.1.5.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct PublishMessageRequest {
    #[prost(string, tag = "1")]
    pub handle_id: ::prost::alloc::string::String,
    #[prost(string, tag = "2")]
    pub topic: ::prost::alloc::string::String,
    #[prost(bytes = "bytes", tag = "3")]
    pub payload: ::prost::bytes::Bytes,
    #[prost(btree_map = "string, string", tag = "4")]
    pub metadata: ::prost::alloc::collections::BTreeMap<
        ::prost::alloc::string::String,
        ::prost::alloc::string::String,
    >,
}
/// Since v0.1.5.
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct PublishMessageResponse {
    #[prost(string, tag = "1")]
    pub error: ::prost::alloc::string::String,
    #[prost(string, tag = "2")]
    pub message_id: ::prost::alloc::string::String,
}
/// Since v0.1.5.
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct SubscribeRequest {
    #[prost(string, tag = "1")]
    pub handle_id: ::prost::alloc::string::String,
    #[prost(string, tag = "2")]
    pub topic: ::prost::alloc::string::String,
    #[prost(string, tag = "3")]
    pub broker_name: ::prost::alloc::string::String,
}
/// Since v0.1.5.
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct UnsubscribeRequest {
    #[prost(string, tag = "1")]
    pub handle_id: ::prost::alloc::string::String,
    #[prost(string, tag = "2")]
    pub topic: ::prost::alloc::string::String,
}
/// Since v0.1.5.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct DeliverMessageRequest {
    #[prost(string, tag = "1")]
    pub handle_id: ::prost::alloc::string::String,
    #[prost(string, tag = "2")]
    pub topic: ::prost::alloc::string::String,
    #[prost(bytes = "bytes", tag = "3")]
    pub payload: ::prost::bytes::Bytes,
    #[prost(string, tag = "4")]
    pub message_id: ::prost::alloc::string::String,
    #[prost(btree_map = "string, string", tag = "5")]
    pub metadata: ::prost::alloc::collections::BTreeMap<
        ::prost::alloc::string::String,
        ::prost::alloc::string::String,
    >,
}
/// Since v0.1.5.
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct DeliverMessageResponse {
    #[prost(string, tag = "1")]
    pub error: ::prost::alloc::string::String,
    #[prost(bool, tag = "2")]
    pub acknowledged: bool,
}
/// What a contract is about. Since v0.19.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ::prost::Enumeration)]
#[repr(i32)]
pub enum ContractKind {
    Unspecified = 0,
    Module = 1,
    Step = 2,
    Service = 3,
    Trigger = 4,
    /// Since v0.64.7.
    Message = 5,
}
impl ContractKind {
    /// String value of the enum field names used in the ProtoBuf definition.
    ///
    /// The values are not transformed in any way and thus are considered stable
    /// (if the ProtoBuf definition does not change) and safe for programmatic use.
    pub fn as_str_name(&self) -> &'static str {
        match self {
            Self::Unspecified => "CONTRACT_KIND_UNSPECIFIED",
            Self::Module => "CONTRACT_KIND_MODULE",
            Self::Step => "CONTRACT_KIND_STEP",
            Self::Service => "CONTRACT_KIND_SERVICE",
            Self::Trigger => "CONTRACT_KIND_TRIGGER",
            Self::Message => "CONTRACT_KIND_MESSAGE",
        }
    }
    /// Creates an enum from field names used in the ProtoBuf definition.
    pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
        match value {
            "CONTRACT_KIND_UNSPECIFIED" => Some(Self::Unspecified),
            "CONTRACT_KIND_MODULE" => Some(Self::Module),
            "CONTRACT_KIND_STEP" => Some(Self::Step),
            "CONTRACT_KIND_SERVICE" => Some(Self::Service),
            "CONTRACT_KIND_TRIGGER" => Some(Self::Trigger),
            "CONTRACT_KIND_MESSAGE" => Some(Self::Message),
            _ => None,
        }
    }
}
/// Which of the two payload forms a contract allows. Since v0.19.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ::prost::Enumeration)]
#[repr(i32)]
pub enum ContractMode {
    Unspecified = 0,
    /// Struct only.
    LegacyStruct = 1,
    /// Both are sent; a receiver without the type uses the Struct.
    ProtoWithLegacyStruct = 2,
    /// The typed form only.
    StrictProto = 3,
}
impl ContractMode {
    /// String value of the enum field names used in the ProtoBuf definition.
    ///
    /// The values are not transformed in any way and thus are considered stable
    /// (if the ProtoBuf definition does not change) and safe for programmatic use.
    pub fn as_str_name(&self) -> &'static str {
        match self {
            Self::Unspecified => "CONTRACT_MODE_UNSPECIFIED",
            Self::LegacyStruct => "CONTRACT_MODE_LEGACY_STRUCT",
            Self::ProtoWithLegacyStruct => "CONTRACT_MODE_PROTO_WITH_LEGACY_STRUCT",
            Self::StrictProto => "CONTRACT_MODE_STRICT_PROTO",
        }
    }
    /// Creates an enum from field names used in the ProtoBuf definition.
    pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
        match value {
            "CONTRACT_MODE_UNSPECIFIED" => Some(Self::Unspecified),
            "CONTRACT_MODE_LEGACY_STRUCT" => Some(Self::LegacyStruct),
            "CONTRACT_MODE_PROTO_WITH_LEGACY_STRUCT" => Some(Self::ProtoWithLegacyStruct),
            "CONTRACT_MODE_STRICT_PROTO" => Some(Self::StrictProto),
            _ => None,
        }
    }
}
/// Generated client implementations.
pub mod plugin_service_client {
    #![allow(
        unused_variables,
        dead_code,
        missing_docs,
        clippy::wildcard_imports,
        clippy::let_unit_value,
    )]
    use tonic::codegen::*;
    use tonic::codegen::http::Uri;
    /// Served by the plugin, on the connection that the handshake opens.
    #[derive(Debug, Clone)]
    pub struct PluginServiceClient<T> {
        inner: tonic::client::Grpc<T>,
    }
    impl<T> PluginServiceClient<T>
    where
        T: tonic::client::GrpcService<tonic::body::Body>,
        T::Error: Into<StdError>,
        T::ResponseBody: Body<Data = Bytes> + std::marker::Send + 'static,
        <T::ResponseBody as Body>::Error: Into<StdError> + std::marker::Send,
    {
        pub fn new(inner: T) -> Self {
            let inner = tonic::client::Grpc::new(inner);
            Self { inner }
        }
        pub fn with_origin(inner: T, origin: Uri) -> Self {
            let inner = tonic::client::Grpc::with_origin(inner, origin);
            Self { inner }
        }
        pub fn with_interceptor<F>(
            inner: T,
            interceptor: F,
        ) -> PluginServiceClient<InterceptedService<T, F>>
        where
            F: tonic::service::Interceptor,
            T::ResponseBody: Default,
            T: tonic::codegen::Service<
                http::Request<tonic::body::Body>,
                Response = http::Response<
                    <T as tonic::client::GrpcService<tonic::body::Body>>::ResponseBody,
                >,
            >,
            <T as tonic::codegen::Service<
                http::Request<tonic::body::Body>,
            >>::Error: Into<StdError> + std::marker::Send + std::marker::Sync,
        {
            PluginServiceClient::new(InterceptedService::new(inner, interceptor))
        }
        /// Compress requests with the given encoding.
        ///
        /// This requires the server to support it otherwise it might respond with an
        /// error.
        #[must_use]
        pub fn send_compressed(mut self, encoding: CompressionEncoding) -> Self {
            self.inner = self.inner.send_compressed(encoding);
            self
        }
        /// Enable decompressing responses.
        #[must_use]
        pub fn accept_compressed(mut self, encoding: CompressionEncoding) -> Self {
            self.inner = self.inner.accept_compressed(encoding);
            self
        }
        /// Limits the maximum size of a decoded message.
        ///
        /// Default: `4MB`
        #[must_use]
        pub fn max_decoding_message_size(mut self, limit: usize) -> Self {
            self.inner = self.inner.max_decoding_message_size(limit);
            self
        }
        /// Limits the maximum size of an encoded message.
        ///
        /// Default: `usize::MAX`
        #[must_use]
        pub fn max_encoding_message_size(mut self, limit: usize) -> Self {
            self.inner = self.inner.max_encoding_message_size(limit);
            self
        }
        /// Who the plugin is.
        pub async fn get_manifest(
            &mut self,
            request: impl tonic::IntoRequest<()>,
        ) -> std::result::Result<tonic::Response<super::Manifest>, tonic::Status> {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/workflow.plugin.v1.PluginService/GetManifest",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(
                    GrpcMethod::new("workflow.plugin.v1.PluginService", "GetManifest"),
                );
            self.inner.unary(req, path, codec).await
        }
        /// The module types that CreateModule accepts.
        pub async fn get_module_types(
            &mut self,
            request: impl tonic::IntoRequest<()>,
        ) -> std::result::Result<tonic::Response<super::TypeList>, tonic::Status> {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/workflow.plugin.v1.PluginService/GetModuleTypes",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(
                    GrpcMethod::new("workflow.plugin.v1.PluginService", "GetModuleTypes"),
                );
            self.inner.unary(req, path, codec).await
        }
        /// The step types that CreateStep accepts.
        pub async fn get_step_types(
            &mut self,
            request: impl tonic::IntoRequest<()>,
        ) -> std::result::Result<tonic::Response<super::TypeList>, tonic::Status> {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/workflow.plugin.v1.PluginService/GetStepTypes",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(
                    GrpcMethod::new("workflow.plugin.v1.PluginService", "GetStepTypes"),
                );
            self.inner.unary(req, path, codec).await
        }
        /// The trigger types that CreateTrigger accepts; empty before v0.27.3.
        pub async fn get_trigger_types(
            &mut self,
            request: impl tonic::IntoRequest<()>,
        ) -> std::result::Result<tonic::Response<super::TypeList>, tonic::Status> {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/workflow.plugin.v1.PluginService/GetTriggerTypes",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(
                    GrpcMethod::new(
                        "workflow.plugin.v1.PluginService",
                        "GetTriggerTypes",
                    ),
                );
            self.inner.unary(req, path, codec).await
        }
        /// What each module type takes and gives, for editors and validation.
        pub async fn get_module_schemas(
            &mut self,
            request: impl tonic::IntoRequest<()>,
        ) -> std::result::Result<
            tonic::Response<super::ModuleSchemaList>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/workflow.plugin.v1.PluginService/GetModuleSchemas",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(
                    GrpcMethod::new(
                        "workflow.plugin.v1.PluginService",
                        "GetModuleSchemas",
                    ),
                );
            self.inner.unary(req, path, codec).await
        }
        /// Typed contracts, with the descriptors that they refer to. Since v0.19.0.
        pub async fn get_contract_registry(
            &mut self,
            request: impl tonic::IntoRequest<()>,
        ) -> std::result::Result<
            tonic::Response<super::ContractRegistry>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/workflow.plugin.v1.PluginService/GetContractRegistry",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(
                    GrpcMethod::new(
                        "workflow.plugin.v1.PluginService",
                        "GetContractRegistry",
                    ),
                );
            self.inner.unary(req, path, codec).await
        }
        /// Makes a module and answers with its handle.
        pub async fn create_module(
            &mut self,
            request: impl tonic::IntoRequest<super::CreateModuleRequest>,
        ) -> std::result::Result<tonic::Response<super::HandleResponse>, tonic::Status> {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/workflow.plugin.v1.PluginService/CreateModule",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(
                    GrpcMethod::new("workflow.plugin.v1.PluginService", "CreateModule"),
                );
            self.inner.unary(req, path, codec).await
        }
        /// A module's life: Init, Start, Stop, Destroy. After Destroy the handle is unknown.
        pub async fn init_module(
            &mut self,
            request: impl tonic::IntoRequest<super::HandleRequest>,
        ) -> std::result::Result<tonic::Response<super::ErrorResponse>, tonic::Status> {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/workflow.plugin.v1.PluginService/InitModule",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(
                    GrpcMethod::new("workflow.plugin.v1.PluginService", "InitModule"),
                );
            self.inner.unary(req, path, codec).await
        }
        pub async fn start_module(
            &mut self,
            request: impl tonic::IntoRequest<super::HandleRequest>,
        ) -> std::result::Result<tonic::Response<super::ErrorResponse>, tonic::Status> {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/workflow.plugin.v1.PluginService/StartModule",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(
                    GrpcMethod::new("workflow.plugin.v1.PluginService", "StartModule"),
                );
            self.inner.unary(req, path, codec).await
        }
        pub async fn stop_module(
            &mut self,
            request: impl tonic::IntoRequest<super::HandleRequest>,
        ) -> std::result::Result<tonic::Response<super::ErrorResponse>, tonic::Status> {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/workflow.plugin.v1.PluginService/StopModule",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(
                    GrpcMethod::new("workflow.plugin.v1.PluginService", "StopModule"),
                );
            self.inner.unary(req, path, codec).await
        }
        pub async fn destroy_module(
            &mut self,
            request: impl tonic::IntoRequest<super::HandleRequest>,
        ) -> std::result::Result<tonic::Response<super::ErrorResponse>, tonic::Status> {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/workflow.plugin.v1.PluginService/DestroyModule",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(
                    GrpcMethod::new("workflow.plugin.v1.PluginService", "DestroyModule"),
                );
            self.inner.unary(req, path, codec).await
        }
        /// Makes a step and answers with its handle.
        pub async fn create_step(
            &mut self,
            request: impl tonic::IntoRequest<super::CreateStepRequest>,
        ) -> std::result::Result<tonic::Response<super::HandleResponse>, tonic::Status> {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/workflow.plugin.v1.PluginService/CreateStep",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(
                    GrpcMethod::new("workflow.plugin.v1.PluginService", "CreateStep"),
                );
            self.inner.unary(req, path, codec).await
        }
        /// Runs a step once. One step may run any number of times, also at once.
        pub async fn execute_step(
            &mut self,
            request: impl tonic::IntoRequest<super::ExecuteStepRequest>,
        ) -> std::result::Result<
            tonic::Response<super::ExecuteStepResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/workflow.plugin.v1.PluginService/ExecuteStep",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(
                    GrpcMethod::new("workflow.plugin.v1.PluginService", "ExecuteStep"),
                );
            self.inner.unary(req, path, codec).await
        }
        /// Lets go of a step.
        pub async fn destroy_step(
            &mut self,
            request: impl tonic::IntoRequest<super::HandleRequest>,
        ) -> std::result::Result<tonic::Response<super::ErrorResponse>, tonic::Status> {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/workflow.plugin.v1.PluginService/DestroyStep",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(
                    GrpcMethod::new("workflow.plugin.v1.PluginService", "DestroyStep"),
                );
            self.inner.unary(req, path, codec).await
        }
        /// Calls a named method of a module's service.
        pub async fn invoke_service(
            &mut self,
            request: impl tonic::IntoRequest<super::InvokeServiceRequest>,
        ) -> std::result::Result<
            tonic::Response<super::InvokeServiceResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/workflow.plugin.v1.PluginService/InvokeService",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(
                    GrpcMethod::new("workflow.plugin.v1.PluginService", "InvokeService"),
                );
            self.inner.unary(req, path, codec).await
        }
        /// Hands a module a message that it subscribed to. Since v0.1.5.
        pub async fn deliver_message(
            &mut self,
            request: impl tonic::IntoRequest<super::DeliverMessageRequest>,
        ) -> std::result::Result<
            tonic::Response<super::DeliverMessageResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/workflow.plugin.v1.PluginService/DeliverMessage",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(
                    GrpcMethod::new("workflow.plugin.v1.PluginService", "DeliverMessage"),
                );
            self.inner.unary(req, path, codec).await
        }
        /// YAML that the host merges into its config before modules register. Since v0.1.7.
        pub async fn get_config_fragment(
            &mut self,
            request: impl tonic::IntoRequest<()>,
        ) -> std::result::Result<
            tonic::Response<super::ConfigFragmentResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/workflow.plugin.v1.PluginService/GetConfigFragment",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(
                    GrpcMethod::new(
                        "workflow.plugin.v1.PluginService",
                        "GetConfigFragment",
                    ),
                );
            self.inner.unary(req, path, codec).await
        }
        /// One static file that is embedded in the plugin. Since v0.3.3.
        pub async fn get_asset(
            &mut self,
            request: impl tonic::IntoRequest<super::GetAssetRequest>,
        ) -> std::result::Result<
            tonic::Response<super::GetAssetResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/workflow.plugin.v1.PluginService/GetAsset",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(GrpcMethod::new("workflow.plugin.v1.PluginService", "GetAsset"));
            self.inner.unary(req, path, codec).await
        }
        /// Says which broker id serves EngineCallbackService. Since v0.27.3.
        pub async fn configure_callback(
            &mut self,
            request: impl tonic::IntoRequest<super::ConfigureCallbackRequest>,
        ) -> std::result::Result<tonic::Response<super::ErrorResponse>, tonic::Status> {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/workflow.plugin.v1.PluginService/ConfigureCallback",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(
                    GrpcMethod::new(
                        "workflow.plugin.v1.PluginService",
                        "ConfigureCallback",
                    ),
                );
            self.inner.unary(req, path, codec).await
        }
        /// Makes a trigger; its handle then goes through the module calls. Since v0.27.3.
        pub async fn create_trigger(
            &mut self,
            request: impl tonic::IntoRequest<super::CreateTriggerRequest>,
        ) -> std::result::Result<tonic::Response<super::HandleResponse>, tonic::Status> {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/workflow.plugin.v1.PluginService/CreateTrigger",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(
                    GrpcMethod::new("workflow.plugin.v1.PluginService", "CreateTrigger"),
                );
            self.inner.unary(req, path, codec).await
        }
    }
}
/// Generated server implementations.
pub mod plugin_service_server {
    #![allow(
        unused_variables,
        dead_code,
        missing_docs,
        clippy::wildcard_imports,
        clippy::let_unit_value,
    )]
    use tonic::codegen::*;
    /// Generated trait containing gRPC methods that should be implemented for use with PluginServiceServer.
    #[async_trait]
    pub trait PluginService: std::marker::Send + std::marker::Sync + 'static {
        /// Who the plugin is.
        async fn get_manifest(
            &self,
            request: tonic::Request<()>,
        ) -> std::result::Result<tonic::Response<super::Manifest>, tonic::Status>;
        /// The module types that CreateModule accepts.
        async fn get_module_types(
            &self,
            request: tonic::Request<()>,
        ) -> std::result::Result<tonic::Response<super::TypeList>, tonic::Status>;
        /// The step types that CreateStep accepts.
        async fn get_step_types(
            &self,
            request: tonic::Request<()>,
        ) -> std::result::Result<tonic::Response<super::TypeList>, tonic::Status>;
        /// The trigger types that CreateTrigger accepts; empty before v0.27.3.
        async fn get_trigger_types(
            &self,
            request: tonic::Request<()>,
        ) -> std::result::Result<tonic::Response<super::TypeList>, tonic::Status>;
        /// What each module type takes and gives, for editors and validation.
        async fn get_module_schemas(
            &self,
            request: tonic::Request<()>,
        ) -> std::result::Result<
            tonic::Response<super::ModuleSchemaList>,
            tonic::Status,
        >;
        /// Typed contracts, with the descriptors that they refer to. Since v0.19.0.
        async fn get_contract_registry(
            &self,
            request: tonic::Request<()>,
        ) -> std::result::Result<
            tonic::Response<super::ContractRegistry>,
            tonic::Status,
        >;
        /// Makes a module and answers with its handle.
        async fn create_module(
            &self,
            request: tonic::Request<super::CreateModuleRequest>,
        ) -> std::result::Result<tonic::Response<super::HandleResponse>, tonic::Status>;
        /// A module's life: Init, Start, Stop, Destroy. After Destroy the handle is unknown.
        async fn init_module(
            &self,
            request: tonic::Request<super::HandleRequest>,
        ) -> std::result::Result<tonic::Response<super::ErrorResponse>, tonic::Status>;
        async fn start_module(
            &self,
            request: tonic::Request<super::HandleRequest>,
        ) -> std::result::Result<tonic::Response<super::ErrorResponse>, tonic::Status>;
        async fn stop_module(
            &self,
            request: tonic::Request<super::HandleRequest>,
        ) -> std::result::Result<tonic::Response<super::ErrorResponse>, tonic::Status>;
        async fn destroy_module(
            &self,
            request: tonic::Request<super::HandleRequest>,
        ) -> std::result::Result<tonic::Response<super::ErrorResponse>, tonic::Status>;
        /// Makes a step and answers with its handle.
        async fn create_step(
            &self,
            request: tonic::Request<super::CreateStepRequest>,
        ) -> std::result::Result<tonic::Response<super::HandleResponse>, tonic::Status>;
        /// Runs a step once. One step may run any number of times, also at once.
        async fn execute_step(
            &self,
            request: tonic::Request<super::ExecuteStepRequest>,
        ) -> std::result::Result<
            tonic::Response<super::ExecuteStepResponse>,
            tonic::Status,
        >;
        /// Lets go of a step.
        async fn destroy_step(
            &self,
            request: tonic::Request<super::HandleRequest>,
        ) -> std::result::Result<tonic::Response<super::ErrorResponse>, tonic::Status>;
        /// Calls a named method of a module's service.
        async fn invoke_service(
            &self,
            request: tonic::Request<super::InvokeServiceRequest>,
        ) -> std::result::Result<
            tonic::Response<super::InvokeServiceResponse>,
            tonic::Status,
        >;
        /// Hands a module a message that it subscribed to. Since v0.1.5.
        async fn deliver_message(
            &self,
            request: tonic::Request<super::DeliverMessageRequest>,
        ) -> std::result::Result<
            tonic::Response<super::DeliverMessageResponse>,
            tonic::Status,
        >;
        /// YAML that the host merges into its config before modules register. Since v0.1.7.
        async fn get_config_fragment(
            &self,
            request: tonic::Request<()>,
        ) -> std::result::Result<
            tonic::Response<super::ConfigFragmentResponse>,
            tonic::Status,
        >;
        /// One static file that is embedded in the plugin. Since v0.3.3.
        async fn get_asset(
            &self,
            request: tonic::Request<super::GetAssetRequest>,
        ) -> std::result::Result<
            tonic::Response<super::GetAssetResponse>,
            tonic::Status,
        >;
        /// Says which broker id serves EngineCallbackService. Since v0.27.3.
        async fn configure_callback(
            &self,
            request: tonic::Request<super::ConfigureCallbackRequest>,
        ) -> std::result::Result<tonic::Response<super::ErrorResponse>, tonic::Status>;
        /// Makes a trigger; its handle then goes through the module calls. Since v0.27.3.
        async fn create_trigger(
            &self,
            request: tonic::Request<super::CreateTriggerRequest>,
        ) -> std::result::Result<tonic::Response<super::HandleResponse>, tonic::Status>;
    }
    /// Served by the plugin, on the connection that the handshake opens.
    #[derive(Debug)]
    pub struct PluginServiceServer<T> {
        inner: Arc<T>,
        accept_compression_encodings: EnabledCompressionEncodings,
        send_compression_encodings: EnabledCompressionEncodings,
        max_decoding_message_size: Option<usize>,
        max_encoding_message_size: Option<usize>,
    }
    impl<T> PluginServiceServer<T> {
        pub fn new(inner: T) -> Self {
            Self::from_arc(Arc::new(inner))
        }
        pub fn from_arc(inner: Arc<T>) -> Self {
            Self {
                inner,
                accept_compression_encodings: Default::default(),
                send_compression_encodings: Default::default(),
                max_decoding_message_size: None,
                max_encoding_message_size: None,
            }
        }
        pub fn with_interceptor<F>(
            inner: T,
            interceptor: F,
        ) -> InterceptedService<Self, F>
        where
            F: tonic::service::Interceptor,
        {
            InterceptedService::new(Self::new(inner), interceptor)
        }
        /// Enable decompressing requests with the given encoding.
        #[must_use]
        pub fn accept_compressed(mut self, encoding: CompressionEncoding) -> Self {
            self.accept_compression_encodings.enable(encoding);
            self
        }
        /// Compress responses with the given encoding, if the client supports it.
        #[must_use]
        pub fn send_compressed(mut self, encoding: CompressionEncoding) -> Self {
            self.send_compression_encodings.enable(encoding);
            self
        }
        /// Limits the maximum size of a decoded message.
        ///
        /// Default: `4MB`
        #[must_use]
        pub fn max_decoding_message_size(mut self, limit: usize) -> Self {
            self.max_decoding_message_size = Some(limit);
            self
        }
        /// Limits the maximum size of an encoded message.
        ///
        /// Default: `usize::MAX`
        #[must_use]
        pub fn max_encoding_message_size(mut self, limit: usize) -> Self {
            self.max_encoding_message_size = Some(limit);
            self
        }
    }
    impl<T, B> tonic::codegen::Service<http::Request<B>> for PluginServiceServer<T>
    where
        T: PluginService,
        B: Body + std::marker::Send + 'static,
        B::Error: Into<StdError> + std::marker::Send + 'static,
    {
        type Response = http::Response<tonic::body::Body>;
        type Error = std::convert::Infallible;
        type Future = BoxFuture<Self::Response, Self::Error>;
        fn poll_ready(
            &mut self,
            _cx: &mut Context<'_>,
        ) -> Poll<std::result::Result<(), Self::Error>> {
            Poll::Ready(Ok(()))
        }
        fn call(&mut self, req: http::Request<B>) -> Self::Future {
            match req.uri().path() {
                "/workflow.plugin.v1.PluginService/GetManifest" => {
                    #[allow(non_camel_case_types)]
                    struct GetManifestSvc<T: PluginService>(pub Arc<T>);
                    impl<T: PluginService> tonic::server::UnaryService<()>
                    for GetManifestSvc<T> {
                        type Response = super::Manifest;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(&mut self, request: tonic::Request<()>) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as PluginService>::get_manifest(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = GetManifestSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/workflow.plugin.v1.PluginService/GetModuleTypes" => {
                    #[allow(non_camel_case_types)]
                    struct GetModuleTypesSvc<T: PluginService>(pub Arc<T>);
                    impl<T: PluginService> tonic::server::UnaryService<()>
                    for GetModuleTypesSvc<T> {
                        type Response = super::TypeList;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(&mut self, request: tonic::Request<()>) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as PluginService>::get_module_types(&inner, request)
                                    .await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = GetModuleTypesSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/workflow.plugin.v1.PluginService/GetStepTypes" => {
                    #[allow(non_camel_case_types)]
                    struct GetStepTypesSvc<T: PluginService>(pub Arc<T>);
                    impl<T: PluginService> tonic::server::UnaryService<()>
                    for GetStepTypesSvc<T> {
                        type Response = super::TypeList;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(&mut self, request: tonic::Request<()>) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as PluginService>::get_step_types(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = GetStepTypesSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/workflow.plugin.v1.PluginService/GetTriggerTypes" => {
                    #[allow(non_camel_case_types)]
                    struct GetTriggerTypesSvc<T: PluginService>(pub Arc<T>);
                    impl<T: PluginService> tonic::server::UnaryService<()>
                    for GetTriggerTypesSvc<T> {
                        type Response = super::TypeList;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(&mut self, request: tonic::Request<()>) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as PluginService>::get_trigger_types(&inner, request)
                                    .await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = GetTriggerTypesSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/workflow.plugin.v1.PluginService/GetModuleSchemas" => {
                    #[allow(non_camel_case_types)]
                    struct GetModuleSchemasSvc<T: PluginService>(pub Arc<T>);
                    impl<T: PluginService> tonic::server::UnaryService<()>
                    for GetModuleSchemasSvc<T> {
                        type Response = super::ModuleSchemaList;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(&mut self, request: tonic::Request<()>) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as PluginService>::get_module_schemas(&inner, request)
                                    .await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = GetModuleSchemasSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/workflow.plugin.v1.PluginService/GetContractRegistry" => {
                    #[allow(non_camel_case_types)]
                    struct GetContractRegistrySvc<T: PluginService>(pub Arc<T>);
                    impl<T: PluginService> tonic::server::UnaryService<()>
                    for GetContractRegistrySvc<T> {
                        type Response = super::ContractRegistry;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(&mut self, request: tonic::Request<()>) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as PluginService>::get_contract_registry(&inner, request)
                                    .await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = GetContractRegistrySvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/workflow.plugin.v1.PluginService/CreateModule" => {
                    #[allow(non_camel_case_types)]
                    struct CreateModuleSvc<T: PluginService>(pub Arc<T>);
                    impl<
                        T: PluginService,
                    > tonic::server::UnaryService<super::CreateModuleRequest>
                    for CreateModuleSvc<T> {
                        type Response = super::HandleResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::CreateModuleRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as PluginService>::create_module(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = CreateModuleSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/workflow.plugin.v1.PluginService/InitModule" => {
                    #[allow(non_camel_case_types)]
                    struct InitModuleSvc<T: PluginService>(pub Arc<T>);
                    impl<
                        T: PluginService,
                    > tonic::server::UnaryService<super::HandleRequest>
                    for InitModuleSvc<T> {
                        type Response = super::ErrorResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::HandleRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as PluginService>::init_module(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = InitModuleSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/workflow.plugin.v1.PluginService/StartModule" => {
                    #[allow(non_camel_case_types)]
                    struct StartModuleSvc<T: PluginService>(pub Arc<T>);
                    impl<
                        T: PluginService,
                    > tonic::server::UnaryService<super::HandleRequest>
                    for StartModuleSvc<T> {
                        type Response = super::ErrorResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::HandleRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as PluginService>::start_module(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = StartModuleSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/workflow.plugin.v1.PluginService/StopModule" => {
                    #[allow(non_camel_case_types)]
                    struct StopModuleSvc<T: PluginService>(pub Arc<T>);
                    impl<
                        T: PluginService,
                    > tonic::server::UnaryService<super::HandleRequest>
                    for StopModuleSvc<T> {
                        type Response = super::ErrorResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::HandleRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as PluginService>::stop_module(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = StopModuleSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/workflow.plugin.v1.PluginService/DestroyModule" => {
                    #[allow(non_camel_case_types)]
                    struct DestroyModuleSvc<T: PluginService>(pub Arc<T>);
                    impl<
                        T: PluginService,
                    > tonic::server::UnaryService<super::HandleRequest>
                    for DestroyModuleSvc<T> {
                        type Response = super::ErrorResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::HandleRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as PluginService>::destroy_module(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = DestroyModuleSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/workflow.plugin.v1.PluginService/CreateStep" => {
                    #[allow(non_camel_case_types)]
                    struct CreateStepSvc<T: PluginService>(pub Arc<T>);
                    impl<
                        T: PluginService,
                    > tonic::server::UnaryService<super::CreateStepRequest>
                    for CreateStepSvc<T> {
                        type Response = super::HandleResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::CreateStepRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as PluginService>::create_step(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = CreateStepSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/workflow.plugin.v1.PluginService/ExecuteStep" => {
                    #[allow(non_camel_case_types)]
                    struct ExecuteStepSvc<T: PluginService>(pub Arc<T>);
                    impl<
                        T: PluginService,
                    > tonic::server::UnaryService<super::ExecuteStepRequest>
                    for ExecuteStepSvc<T> {
                        type Response = super::ExecuteStepResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::ExecuteStepRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as PluginService>::execute_step(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = ExecuteStepSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/workflow.plugin.v1.PluginService/DestroyStep" => {
                    #[allow(non_camel_case_types)]
                    struct DestroyStepSvc<T: PluginService>(pub Arc<T>);
                    impl<
                        T: PluginService,
                    > tonic::server::UnaryService<super::HandleRequest>
                    for DestroyStepSvc<T> {
                        type Response = super::ErrorResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::HandleRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as PluginService>::destroy_step(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = DestroyStepSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/workflow.plugin.v1.PluginService/InvokeService" => {
                    #[allow(non_camel_case_types)]
                    struct InvokeServiceSvc<T: PluginService>(pub Arc<T>);
                    impl<
                        T: PluginService,
                    > tonic::server::UnaryService<super::InvokeServiceRequest>
                    for InvokeServiceSvc<T> {
                        type Response = super::InvokeServiceResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::InvokeServiceRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as PluginService>::invoke_service(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = InvokeServiceSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/workflow.plugin.v1.PluginService/DeliverMessage" => {
                    #[allow(non_camel_case_types)]
                    struct DeliverMessageSvc<T: PluginService>(pub Arc<T>);
                    impl<
                        T: PluginService,
                    > tonic::server::UnaryService<super::DeliverMessageRequest>
                    for DeliverMessageSvc<T> {
                        type Response = super::DeliverMessageResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::DeliverMessageRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as PluginService>::deliver_message(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = DeliverMessageSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/workflow.plugin.v1.PluginService/GetConfigFragment" => {
                    #[allow(non_camel_case_types)]
                    struct GetConfigFragmentSvc<T: PluginService>(pub Arc<T>);
                    impl<T: PluginService> tonic::server::UnaryService<()>
                    for GetConfigFragmentSvc<T> {
                        type Response = super::ConfigFragmentResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(&mut self, request: tonic::Request<()>) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as PluginService>::get_config_fragment(&inner, request)
                                    .await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = GetConfigFragmentSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/workflow.plugin.v1.PluginService/GetAsset" => {
                    #[allow(non_camel_case_types)]
                    struct GetAssetSvc<T: PluginService>(pub Arc<T>);
                    impl<
                        T: PluginService,
                    > tonic::server::UnaryService<super::GetAssetRequest>
                    for GetAssetSvc<T> {
                        type Response = super::GetAssetResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::GetAssetRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as PluginService>::get_asset(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = GetAssetSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/workflow.plugin.v1.PluginService/ConfigureCallback" => {
                    #[allow(non_camel_case_types)]
                    struct ConfigureCallbackSvc<T: PluginService>(pub Arc<T>);
                    impl<
                        T: PluginService,
                    > tonic::server::UnaryService<super::ConfigureCallbackRequest>
                    for ConfigureCallbackSvc<T> {
                        type Response = super::ErrorResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::ConfigureCallbackRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as PluginService>::configure_callback(&inner, request)
                                    .await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = ConfigureCallbackSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/workflow.plugin.v1.PluginService/CreateTrigger" => {
                    #[allow(non_camel_case_types)]
                    struct CreateTriggerSvc<T: PluginService>(pub Arc<T>);
                    impl<
                        T: PluginService,
                    > tonic::server::UnaryService<super::CreateTriggerRequest>
                    for CreateTriggerSvc<T> {
                        type Response = super::HandleResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::CreateTriggerRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as PluginService>::create_trigger(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = CreateTriggerSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                _ => {
                    Box::pin(async move {
                        let mut response = http::Response::new(
                            tonic::body::Body::default(),
                        );
                        let headers = response.headers_mut();
                        headers
                            .insert(
                                tonic::Status::GRPC_STATUS,
                                (tonic::Code::Unimplemented as i32).into(),
                            );
                        headers
                            .insert(
                                http::header::CONTENT_TYPE,
                                tonic::metadata::GRPC_CONTENT_TYPE,
                            );
                        Ok(response)
                    })
                }
            }
        }
    }
    impl<T> Clone for PluginServiceServer<T> {
        fn clone(&self) -> Self {
            let inner = self.inner.clone();
            Self {
                inner,
                accept_compression_encodings: self.accept_compression_encodings,
                send_compression_encodings: self.send_compression_encodings,
                max_decoding_message_size: self.max_decoding_message_size,
                max_encoding_message_size: self.max_encoding_message_size,
            }
        }
    }
    /// Generated gRPC service name
    pub const SERVICE_NAME: &str = "workflow.plugin.v1.PluginService";
    impl<T> tonic::server::NamedService for PluginServiceServer<T> {
        const NAME: &'static str = SERVICE_NAME;
    }
}
/// Generated client implementations.
pub mod engine_callback_service_client {
    #![allow(
        unused_variables,
        dead_code,
        missing_docs,
        clippy::wildcard_imports,
        clippy::let_unit_value,
    )]
    use tonic::codegen::*;
    use tonic::codegen::http::Uri;
    /// Served by the host, on a connection that go-plugin's broker opens.
    #[derive(Debug, Clone)]
    pub struct EngineCallbackServiceClient<T> {
        inner: tonic::client::Grpc<T>,
    }
    impl<T> EngineCallbackServiceClient<T>
    where
        T: tonic::client::GrpcService<tonic::body::Body>,
        T::Error: Into<StdError>,
        T::ResponseBody: Body<Data = Bytes> + std::marker::Send + 'static,
        <T::ResponseBody as Body>::Error: Into<StdError> + std::marker::Send,
    {
        pub fn new(inner: T) -> Self {
            let inner = tonic::client::Grpc::new(inner);
            Self { inner }
        }
        pub fn with_origin(inner: T, origin: Uri) -> Self {
            let inner = tonic::client::Grpc::with_origin(inner, origin);
            Self { inner }
        }
        pub fn with_interceptor<F>(
            inner: T,
            interceptor: F,
        ) -> EngineCallbackServiceClient<InterceptedService<T, F>>
        where
            F: tonic::service::Interceptor,
            T::ResponseBody: Default,
            T: tonic::codegen::Service<
                http::Request<tonic::body::Body>,
                Response = http::Response<
                    <T as tonic::client::GrpcService<tonic::body::Body>>::ResponseBody,
                >,
            >,
            <T as tonic::codegen::Service<
                http::Request<tonic::body::Body>,
            >>::Error: Into<StdError> + std::marker::Send + std::marker::Sync,
        {
            EngineCallbackServiceClient::new(InterceptedService::new(inner, interceptor))
        }
        /// Compress requests with the given encoding.
        ///
        /// This requires the server to support it otherwise it might respond with an
        /// error.
        #[must_use]
        pub fn send_compressed(mut self, encoding: CompressionEncoding) -> Self {
            self.inner = self.inner.send_compressed(encoding);
            self
        }
        /// Enable decompressing responses.
        #[must_use]
        pub fn accept_compressed(mut self, encoding: CompressionEncoding) -> Self {
            self.inner = self.inner.accept_compressed(encoding);
            self
        }
        /// Limits the maximum size of a decoded message.
        ///
        /// Default: `4MB`
        #[must_use]
        pub fn max_decoding_message_size(mut self, limit: usize) -> Self {
            self.inner = self.inner.max_decoding_message_size(limit);
            self
        }
        /// Limits the maximum size of an encoded message.
        ///
        /// Default: `usize::MAX`
        #[must_use]
        pub fn max_encoding_message_size(mut self, limit: usize) -> Self {
            self.inner = self.inner.max_encoding_message_size(limit);
            self
        }
        /// Starts a workflow.
        pub async fn trigger_workflow(
            &mut self,
            request: impl tonic::IntoRequest<super::TriggerWorkflowRequest>,
        ) -> std::result::Result<tonic::Response<super::ErrorResponse>, tonic::Status> {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/workflow.plugin.v1.EngineCallbackService/TriggerWorkflow",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(
                    GrpcMethod::new(
                        "workflow.plugin.v1.EngineCallbackService",
                        "TriggerWorkflow",
                    ),
                );
            self.inner.unary(req, path, codec).await
        }
        /// Whether the host has a service of that name.
        pub async fn get_service(
            &mut self,
            request: impl tonic::IntoRequest<super::GetServiceRequest>,
        ) -> std::result::Result<
            tonic::Response<super::GetServiceResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/workflow.plugin.v1.EngineCallbackService/GetService",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(
                    GrpcMethod::new(
                        "workflow.plugin.v1.EngineCallbackService",
                        "GetService",
                    ),
                );
            self.inner.unary(req, path, codec).await
        }
        /// Writes a line into the host's log.
        pub async fn log(
            &mut self,
            request: impl tonic::IntoRequest<super::LogRequest>,
        ) -> std::result::Result<tonic::Response<()>, tonic::Status> {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/workflow.plugin.v1.EngineCallbackService/Log",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(
                    GrpcMethod::new("workflow.plugin.v1.EngineCallbackService", "Log"),
                );
            self.inner.unary(req, path, codec).await
        }
        /// Publishes to a topic. Since v0.1.5.
        pub async fn publish_message(
            &mut self,
            request: impl tonic::IntoRequest<super::PublishMessageRequest>,
        ) -> std::result::Result<
            tonic::Response<super::PublishMessageResponse>,
            tonic::Status,
        > {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/workflow.plugin.v1.EngineCallbackService/PublishMessage",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(
                    GrpcMethod::new(
                        "workflow.plugin.v1.EngineCallbackService",
                        "PublishMessage",
                    ),
                );
            self.inner.unary(req, path, codec).await
        }
        /// Asks for the messages of a topic, which arrive by DeliverMessage. Since v0.1.5.
        pub async fn subscribe(
            &mut self,
            request: impl tonic::IntoRequest<super::SubscribeRequest>,
        ) -> std::result::Result<tonic::Response<super::ErrorResponse>, tonic::Status> {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/workflow.plugin.v1.EngineCallbackService/Subscribe",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(
                    GrpcMethod::new(
                        "workflow.plugin.v1.EngineCallbackService",
                        "Subscribe",
                    ),
                );
            self.inner.unary(req, path, codec).await
        }
        /// Ends a subscription. Since v0.1.5.
        pub async fn unsubscribe(
            &mut self,
            request: impl tonic::IntoRequest<super::UnsubscribeRequest>,
        ) -> std::result::Result<tonic::Response<super::ErrorResponse>, tonic::Status> {
            self.inner
                .ready()
                .await
                .map_err(|e| {
                    tonic::Status::unknown(
                        format!("Service was not ready: {}", e.into()),
                    )
                })?;
            let codec = tonic_prost::ProstCodec::default();
            let path = http::uri::PathAndQuery::from_static(
                "/workflow.plugin.v1.EngineCallbackService/Unsubscribe",
            );
            let mut req = request.into_request();
            req.extensions_mut()
                .insert(
                    GrpcMethod::new(
                        "workflow.plugin.v1.EngineCallbackService",
                        "Unsubscribe",
                    ),
                );
            self.inner.unary(req, path, codec).await
        }
    }
}
/// Generated server implementations.
pub mod engine_callback_service_server {
    #![allow(
        unused_variables,
        dead_code,
        missing_docs,
        clippy::wildcard_imports,
        clippy::let_unit_value,
    )]
    use tonic::codegen::*;
    /// Generated trait containing gRPC methods that should be implemented for use with EngineCallbackServiceServer.
    #[async_trait]
    pub trait EngineCallbackService: std::marker::Send + std::marker::Sync + 'static {
        /// Starts a workflow.
        async fn trigger_workflow(
            &self,
            request: tonic::Request<super::TriggerWorkflowRequest>,
        ) -> std::result::Result<tonic::Response<super::ErrorResponse>, tonic::Status>;
        /// Whether the host has a service of that name.
        async fn get_service(
            &self,
            request: tonic::Request<super::GetServiceRequest>,
        ) -> std::result::Result<
            tonic::Response<super::GetServiceResponse>,
            tonic::Status,
        >;
        /// Writes a line into the host's log.
        async fn log(
            &self,
            request: tonic::Request<super::LogRequest>,
        ) -> std::result::Result<tonic::Response<()>, tonic::Status>;
        /// Publishes to a topic. Since v0.1.5.
        async fn publish_message(
            &self,
            request: tonic::Request<super::PublishMessageRequest>,
        ) -> std::result::Result<
            tonic::Response<super::PublishMessageResponse>,
            tonic::Status,
        >;
        /// Asks for the messages of a topic, which arrive by DeliverMessage. Since v0.1.5.
        async fn subscribe(
            &self,
            request: tonic::Request<super::SubscribeRequest>,
        ) -> std::result::Result<tonic::Response<super::ErrorResponse>, tonic::Status>;
        /// Ends a subscription. Since v0.1.5.
        async fn unsubscribe(
            &self,
            request: tonic::Request<super::UnsubscribeRequest>,
        ) -> std::result::Result<tonic::Response<super::ErrorResponse>, tonic::Status>;
    }
    /// Served by the host, on a connection that go-plugin's broker opens.
    #[derive(Debug)]
    pub struct EngineCallbackServiceServer<T> {
        inner: Arc<T>,
        accept_compression_encodings: EnabledCompressionEncodings,
        send_compression_encodings: EnabledCompressionEncodings,
        max_decoding_message_size: Option<usize>,
        max_encoding_message_size: Option<usize>,
    }
    impl<T> EngineCallbackServiceServer<T> {
        pub fn new(inner: T) -> Self {
            Self::from_arc(Arc::new(inner))
        }
        pub fn from_arc(inner: Arc<T>) -> Self {
            Self {
                inner,
                accept_compression_encodings: Default::default(),
                send_compression_encodings: Default::default(),
                max_decoding_message_size: None,
                max_encoding_message_size: None,
            }
        }
        pub fn with_interceptor<F>(
            inner: T,
            interceptor: F,
        ) -> InterceptedService<Self, F>
        where
            F: tonic::service::Interceptor,
        {
            InterceptedService::new(Self::new(inner), interceptor)
        }
        /// Enable decompressing requests with the given encoding.
        #[must_use]
        pub fn accept_compressed(mut self, encoding: CompressionEncoding) -> Self {
            self.accept_compression_encodings.enable(encoding);
            self
        }
        /// Compress responses with the given encoding, if the client supports it.
        #[must_use]
        pub fn send_compressed(mut self, encoding: CompressionEncoding) -> Self {
            self.send_compression_encodings.enable(encoding);
            self
        }
        /// Limits the maximum size of a decoded message.
        ///
        /// Default: `4MB`
        #[must_use]
        pub fn max_decoding_message_size(mut self, limit: usize) -> Self {
            self.max_decoding_message_size = Some(limit);
            self
        }
        /// Limits the maximum size of an encoded message.
        ///
        /// Default: `usize::MAX`
        #[must_use]
        pub fn max_encoding_message_size(mut self, limit: usize) -> Self {
            self.max_encoding_message_size = Some(limit);
            self
        }
    }
    impl<T, B> tonic::codegen::Service<http::Request<B>>
    for EngineCallbackServiceServer<T>
    where
        T: EngineCallbackService,
        B: Body + std::marker::Send + 'static,
        B::Error: Into<StdError> + std::marker::Send + 'static,
    {
        type Response = http::Response<tonic::body::Body>;
        type Error = std::convert::Infallible;
        type Future = BoxFuture<Self::Response, Self::Error>;
        fn poll_ready(
            &mut self,
            _cx: &mut Context<'_>,
        ) -> Poll<std::result::Result<(), Self::Error>> {
            Poll::Ready(Ok(()))
        }
        fn call(&mut self, req: http::Request<B>) -> Self::Future {
            match req.uri().path() {
                "/workflow.plugin.v1.EngineCallbackService/TriggerWorkflow" => {
                    #[allow(non_camel_case_types)]
                    struct TriggerWorkflowSvc<T: EngineCallbackService>(pub Arc<T>);
                    impl<
                        T: EngineCallbackService,
                    > tonic::server::UnaryService<super::TriggerWorkflowRequest>
                    for TriggerWorkflowSvc<T> {
                        type Response = super::ErrorResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::TriggerWorkflowRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as EngineCallbackService>::trigger_workflow(
                                        &inner,
                                        request,
                                    )
                                    .await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = TriggerWorkflowSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/workflow.plugin.v1.EngineCallbackService/GetService" => {
                    #[allow(non_camel_case_types)]
                    struct GetServiceSvc<T: EngineCallbackService>(pub Arc<T>);
                    impl<
                        T: EngineCallbackService,
                    > tonic::server::UnaryService<super::GetServiceRequest>
                    for GetServiceSvc<T> {
                        type Response = super::GetServiceResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::GetServiceRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as EngineCallbackService>::get_service(&inner, request)
                                    .await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = GetServiceSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/workflow.plugin.v1.EngineCallbackService/Log" => {
                    #[allow(non_camel_case_types)]
                    struct LogSvc<T: EngineCallbackService>(pub Arc<T>);
                    impl<
                        T: EngineCallbackService,
                    > tonic::server::UnaryService<super::LogRequest> for LogSvc<T> {
                        type Response = ();
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::LogRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as EngineCallbackService>::log(&inner, request).await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = LogSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/workflow.plugin.v1.EngineCallbackService/PublishMessage" => {
                    #[allow(non_camel_case_types)]
                    struct PublishMessageSvc<T: EngineCallbackService>(pub Arc<T>);
                    impl<
                        T: EngineCallbackService,
                    > tonic::server::UnaryService<super::PublishMessageRequest>
                    for PublishMessageSvc<T> {
                        type Response = super::PublishMessageResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::PublishMessageRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as EngineCallbackService>::publish_message(
                                        &inner,
                                        request,
                                    )
                                    .await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = PublishMessageSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/workflow.plugin.v1.EngineCallbackService/Subscribe" => {
                    #[allow(non_camel_case_types)]
                    struct SubscribeSvc<T: EngineCallbackService>(pub Arc<T>);
                    impl<
                        T: EngineCallbackService,
                    > tonic::server::UnaryService<super::SubscribeRequest>
                    for SubscribeSvc<T> {
                        type Response = super::ErrorResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::SubscribeRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as EngineCallbackService>::subscribe(&inner, request)
                                    .await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = SubscribeSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                "/workflow.plugin.v1.EngineCallbackService/Unsubscribe" => {
                    #[allow(non_camel_case_types)]
                    struct UnsubscribeSvc<T: EngineCallbackService>(pub Arc<T>);
                    impl<
                        T: EngineCallbackService,
                    > tonic::server::UnaryService<super::UnsubscribeRequest>
                    for UnsubscribeSvc<T> {
                        type Response = super::ErrorResponse;
                        type Future = BoxFuture<
                            tonic::Response<Self::Response>,
                            tonic::Status,
                        >;
                        fn call(
                            &mut self,
                            request: tonic::Request<super::UnsubscribeRequest>,
                        ) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            let fut = async move {
                                <T as EngineCallbackService>::unsubscribe(&inner, request)
                                    .await
                            };
                            Box::pin(fut)
                        }
                    }
                    let accept_compression_encodings = self.accept_compression_encodings;
                    let send_compression_encodings = self.send_compression_encodings;
                    let max_decoding_message_size = self.max_decoding_message_size;
                    let max_encoding_message_size = self.max_encoding_message_size;
                    let inner = self.inner.clone();
                    let fut = async move {
                        let method = UnsubscribeSvc(inner);
                        let codec = tonic_prost::ProstCodec::default();
                        let mut grpc = tonic::server::Grpc::new(codec)
                            .apply_compression_config(
                                accept_compression_encodings,
                                send_compression_encodings,
                            )
                            .apply_max_message_size_config(
                                max_decoding_message_size,
                                max_encoding_message_size,
                            );
                        let res = grpc.unary(method, req).await;
                        Ok(res)
                    };
                    Box::pin(fut)
                }
                _ => {
                    Box::pin(async move {
                        let mut response = http::Response::new(
                            tonic::body::Body::default(),
                        );
                        let headers = response.headers_mut();
                        headers
                            .insert(
                                tonic::Status::GRPC_STATUS,
                                (tonic::Code::Unimplemented as i32).into(),
                            );
                        headers
                            .insert(
                                http::header::CONTENT_TYPE,
                                tonic::metadata::GRPC_CONTENT_TYPE,
                            );
                        Ok(response)
                    })
                }
            }
        }
    }
    impl<T> Clone for EngineCallbackServiceServer<T> {
        fn clone(&self) -> Self {
            let inner = self.inner.clone();
            Self {
                inner,
                accept_compression_encodings: self.accept_compression_encodings,
                send_compression_encodings: self.send_compression_encodings,
                max_decoding_message_size: self.max_decoding_message_size,
                max_encoding_message_size: self.max_encoding_message_size,
            }
        }
    }
    /// Generated gRPC service name
    pub const SERVICE_NAME: &str = "workflow.plugin.v1.EngineCallbackService";
    impl<T> tonic::server::NamedService for EngineCallbackServiceServer<T> {
        const NAME: &'static str = SERVICE_NAME;
    }
}
