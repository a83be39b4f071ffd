//! A server as a client's data: MongoDB's driver behind this crate's types.
//!
//! Verbs call the driver's verbs, so that retries, sessions and server selection are the driver's. Documents
//! go through as bytes; the caller's types are made on this side, as for a local store.

use bson::{Document, RawDocumentBuf};
use mongodb::error::{Error as DriverError, ErrorKind, WriteFailure};
use serde::de::DeserializeOwned;
use smongo_vm::Code;
use smongo_vm::value::{DocBuf, RawDoc};

use super::convert::to_doc;
use super::{UpdateModifications, UpdateResult};
use crate::error::{Error, Result, WriteError};

/// A collection of a server, with documents as bytes.
pub(super) type RemoteCollection = mongodb::sync::Collection<RawDocumentBuf>;

/// A connected driver.
#[derive(Clone, Debug)]
pub(crate) struct Remote {
    client: mongodb::sync::Client,
}

impl Remote {
    /// Reads the URI; connections are made when they are needed.
    pub fn connect(uri: &str) -> Result<Self> {
        Ok(Self { client: mongodb::sync::Client::with_uri_str(uri)? })
    }

    /// The driver's client.
    pub fn client(&self) -> &mongodb::sync::Client {
        &self.client
    }

    /// A database of the server.
    pub fn database(&self, db: &str) -> mongodb::sync::Database {
        self.client.database(db)
    }

    /// A session that several commands share.
    pub fn start_session(&self) -> Result<mongodb::sync::ClientSession> {
        Ok(self.client.start_session().run()?)
    }

    /// [`run_command`](Self::run_command) in a session.
    pub fn run_command_in(
        &self,
        session: &mut mongodb::sync::ClientSession,
        db: &str,
        command: &RawDoc,
    ) -> Result<DocBuf> {
        to_doc(&self.database(db).run_raw_command(raw(command)?).session(session).run()?)
    }

    /// Runs a command document. The driver turns error replies into errors.
    pub fn run_command(&self, db: &str, command: &RawDoc) -> Result<DocBuf> {
        to_doc(&self.database(db).run_raw_command(raw(command)?).run()?)
    }
}

/// A document as the driver takes it.
pub(super) fn raw(doc: &RawDoc) -> Result<RawDocumentBuf> {
    RawDocumentBuf::from_bytes(doc.as_bytes().to_vec())
        .map_err(|error| Error::new(Code::INVALID_BSON, error.to_string()))
}

impl From<UpdateModifications> for mongodb::options::UpdateModifications {
    fn from(update: UpdateModifications) -> Self {
        match update {
            UpdateModifications::Document(document) => Self::Document(document),
            UpdateModifications::Pipeline(stages) => Self::Pipeline(stages),
        }
    }
}

impl From<mongodb::results::UpdateResult> for UpdateResult {
    fn from(result: mongodb::results::UpdateResult) -> Self {
        Self {
            matched_count: result.matched_count,
            modified_count: result.modified_count,
            upserted_id: result.upserted_id,
        }
    }
}

/// The driver's options, from the document that a command has them in.
pub(super) fn options<O: DeserializeOwned>(options: Document) -> Result<O> {
    bson::deserialize_from_document(options).map_err(|error| Error::new(Code::BAD_VALUE, error.to_string()))
}

impl From<DriverError> for Error {
    fn from(error: DriverError) -> Self {
        let labels: Vec<String> = error.labels().iter().cloned().collect();
        let converted = match *error.kind {
            ErrorKind::Command(command) => Self::new(Code(command.code), command.message),
            ErrorKind::Write(WriteFailure::WriteError(write)) => {
                let failure = WriteError {
                    index: 0,
                    code: write.code,
                    message: write.message,
                    details: write.details.as_ref().and_then(|details| to_doc(details).ok()),
                };
                Self::of_failures(vec![failure])
            }
            ErrorKind::Write(WriteFailure::WriteConcernError(concern)) => {
                Self::new(Code(concern.code), concern.message)
            }
            ErrorKind::InsertMany(failed) => match (failed.write_errors, failed.write_concern_error) {
                (Some(errors), _) if !errors.is_empty() => Self::of_failures(
                    errors
                        .into_iter()
                        .map(|error| WriteError {
                            index: u32::try_from(error.index).unwrap_or(u32::MAX),
                            code: error.code,
                            message: error.message,
                            details: error.details.as_ref().and_then(|details| to_doc(details).ok()),
                        })
                        .collect(),
                ),
                (_, Some(concern)) => Self::new(Code(concern.code), concern.message),
                (_, None) => Self::new(Code::UNKNOWN_ERROR, "the insert failed"),
            },
            ErrorKind::BulkWrite(failed) => {
                let mut errors: Vec<_> = failed.write_errors.into_iter().collect();
                errors.sort_by_key(|(index, _)| *index);
                Self::of_failures(
                    errors
                        .into_iter()
                        .map(|(index, error)| WriteError {
                            index: u32::try_from(index).unwrap_or(u32::MAX),
                            code: error.code,
                            message: error.message,
                            details: error.details.as_ref().and_then(|details| to_doc(details).ok()),
                        })
                        .collect(),
                )
            }
            ErrorKind::Authentication { message, .. } => Self::new(Code::AUTHENTICATION_FAILED, message),
            ErrorKind::InvalidArgument { message, .. } => Self::new(Code::BAD_VALUE, message),
            ErrorKind::DnsResolve { message, .. } => Self::new(Code::HOST_NOT_FOUND, message),
            ErrorKind::Io(_) | ErrorKind::ServerSelection { .. } | ErrorKind::ConnectionPoolCleared { .. } => {
                Self::new(Code::HOST_UNREACHABLE, error.kind.to_string())
            }
            other => Self::new(Code::UNKNOWN_ERROR, other.to_string()),
        };
        labels.into_iter().fold(converted, Self::with_label)
    }
}
