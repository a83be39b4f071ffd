//! The client: a store that is open here, or a server.

use std::path::Path;
use std::sync::Arc;

use super::Database;
use super::action::{BulkWrite, DropDatabase, ListDatabaseNames, ListDatabases, StartSession, Watch};
use super::backend::{Backend, Local};
use super::change_stream::Watched;
use super::models::{SummaryBulkWriteResult, WriteModel};
use super::serve::Served;
use super::uri::Address;
use crate::engine::{Engine, EngineOptions};
use crate::error::Result;

/// An open data directory, or a connection to a server. Cheap to clone; clones share it, and the last one closes it.
#[derive(Clone, Debug)]
pub struct Client {
    backend: Backend,
}

impl Client {
    /// Opens what a URI names:
    ///
    /// | URI | |
    /// |---|---|
    /// | `local://path` | the data directory at `path`, made when missing; `local:///var/data` for an absolute path |
    /// | `local://:memory:` | memory that is forgotten at the end |
    /// | `mongodb://…`, `mongodb+srv://…` | a server, a replica set, a sharded cluster or Atlas, through MongoDB's driver; with the feature `remote` |
    /// | `local://path?sync=mongodb://…` | reserved: a store that synchronises with a server. An error until that is built |
    ///
    /// # Errors
    ///
    /// `BadValue` for a URI that is none of these, `NotImplemented` for `sync` and for servers without the feature, and
    /// what [`open`](Self::open) fails with. A server that cannot be reached shows with the first operation.
    ///
    /// ```
    /// # fn main() -> smongo::Result<()> {
    /// use smongo::bson::doc;
    ///
    /// let client = smongo::Client::connect("local://:memory:")?;
    /// let pong = client.database("admin").run_command(doc! { "ping": 1 }).run()?;
    /// assert_eq!(pong.get_f64("ok").ok(), Some(1.0));
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect(uri: impl AsRef<str>) -> Result<Self> {
        match Address::parse(uri.as_ref())? {
            Address::Directory(path) => Self::open(path),
            Address::Memory => Self::in_memory(),
            Address::Server => Self::connect_remote(uri.as_ref()),
        }
    }

    /// [`connect`](Self::connect), by the name that MongoDB's driver has for it.
    pub fn with_uri_str(uri: impl AsRef<str>) -> Result<Self> {
        Self::connect(uri)
    }

    #[cfg(feature = "remote")]
    fn connect_remote(uri: &str) -> Result<Self> {
        Ok(Self { backend: Backend::Remote(super::remote::Remote::connect(uri)?) })
    }

    #[cfg(not(feature = "remote"))]
    fn connect_remote(_uri: &str) -> Result<Self> {
        let message = "servers are reached with the feature `remote` of the crate, which this program is built without";
        Err(crate::Error::new(smongo_vm::Code::NOT_IMPLEMENTED, message))
    }

    /// Opens the data directory at `path`; makes it when there is none.
    ///
    /// # Errors
    ///
    /// `LockBusy` when the directory is open already, here or in another process, which is named; `UnsupportedFormat`
    /// when a newer version made it.
    ///
    /// ```
    /// # fn main() -> smongo::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path();
    /// use bson::doc;
    ///
    /// let client = smongo::Client::open(path)?;
    /// let films = client.database("cinema").collection::<bson::Document>("films");
    /// films.insert_one(doc! { "title": "Metropolis", "year": 1927 }).run()?;
    /// for film in films.find(doc! { "year": { "$lt": 1930 } }).sort(doc! { "year": 1 }).run()? {
    ///     println!("{}", film?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::with_options(EngineOptions::new(path))
    }

    /// A client over memory that is forgotten at the end.
    pub fn in_memory() -> Result<Self> {
        Self::with_options(EngineOptions::in_memory())
    }

    /// Opens a data directory with options.
    pub fn with_options(options: EngineOptions) -> Result<Self> {
        Ok(Self::from_engine(Engine::open(options)?))
    }

    /// A client over an engine that others use too.
    pub fn from_engine(engine: Arc<Engine>) -> Self {
        Self { backend: Backend::Local(Arc::new(Local::new(engine))) }
    }

    /// The engine below. `IllegalOperation` for a client that is connected to a server.
    pub fn engine(&self) -> Result<&Arc<Engine>> {
        self.backend.engine()
    }

    /// Whether the data is on a server.
    pub fn is_remote(&self) -> bool {
        self.backend.engine().is_err()
    }

    /// Serves the open store to MongoDB's clients at `address`, `host:port`; with port 0 the system chooses one, and
    /// [`Served::port`] tells which. This program goes on using the store. Clients need no password: serve
    /// addresses of this machine only.
    ///
    /// # Errors
    ///
    /// `HostUnreachable` when the address cannot be listened on, `BadValue` when it is none.
    ///
    /// ```
    /// # fn main() -> smongo::Result<()> {
    /// let client = smongo::Client::in_memory()?;
    /// let served = client.serve("127.0.0.1:0")?;
    /// println!("mongosh --port {}", served.port());
    /// served.stop()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn serve(&self, address: impl AsRef<str>) -> Result<Served> {
        Served::start(self.backend.engine()?, address.as_ref())
    }

    /// Starts a session, for transactions of several operations.
    pub fn start_session(&self) -> StartSession<'_> {
        StartSession::new(&self.backend)
    }

    /// Watches the changes of all databases.
    pub fn watch(&self) -> Watch<'_> {
        Watch::new(&self.backend, Watched::Everything)
    }

    /// A database. It exists once it has a collection.
    pub fn database(&self, name: impl Into<String>) -> Database {
        Database::new(self.backend.clone(), name.into())
    }

    /// The names of all databases.
    pub fn list_database_names(&self) -> ListDatabaseNames<'_> {
        ListDatabaseNames::new(&self.backend)
    }

    /// All databases.
    pub fn list_databases(&self) -> ListDatabases<'_> {
        ListDatabases::new(&self.backend)
    }

    /// Runs writes of several kinds, on several collections.
    pub fn bulk_write(
        &self,
        models: impl IntoIterator<Item = impl Into<WriteModel>>,
    ) -> BulkWrite<'_, SummaryBulkWriteResult> {
        BulkWrite::new(&self.backend, models.into_iter().map(Into::into).collect())
    }

    /// Drops a database; [`Database::drop`] by name.
    pub fn drop_database(&self, name: impl Into<String>) -> DropDatabase {
        DropDatabase::new(self.backend.clone(), name.into())
    }
}
