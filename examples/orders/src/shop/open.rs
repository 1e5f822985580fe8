//! Opening and closing the shop: one directory, with a store for the shop and one for each service.
//!
//! The invariant it guards: the shop's own store is opened first, so that of two processes on one
//! directory the second touches nothing.

use crate::{
    loopback::{Exchange, Faults, Loopback, Work},
    ports::Service,
    sagas::{BookError, Definitions, Patience},
    services::{Conditions, Inventory, Notification, Payment, Shipping},
};
use sagalog::{
    AppendError, LogError, OpenError, Options, ReadError, SagaError, SagaOptions, Sagas, Store,
    participant::{Business, Participant},
    runtime::tokio::TokioRuntime,
    saga::DefinitionError,
};
use std::{
    error::Error,
    fmt, fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

/// The directory of the shop's own store, beside those of the services.
const SHOP: &str = "orders";

/// The books of a service are small: their segments are, too.
const SEGMENT_BYTES: u64 = 8 << 20;

/// How the shop is opened.
#[derive(Clone, Copy, Debug)]
pub struct ShopOptions {
    /// What happens to calls.
    pub faults: Faults,
    /// What the services are like.
    pub conditions: Conditions,
    /// How patient the shop is.
    pub patience: Patience,
    /// Whether to open a shop also in a directory that holds something else.
    pub among_others: bool,
}

/// A part of the shop, in a directory of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The shop itself.
    Shop,
    /// A service.
    Service(Service),
}

impl Stage {
    /// Its directory below that of the shop.
    pub fn dir(self, data: &Path) -> PathBuf {
        data.join(match self {
            Self::Shop => SHOP,
            Self::Service(service) => service.name(),
        })
    }
}

/// The shop, open. Its services answer, its sagas go on.
#[derive(Debug)]
pub struct Shop {
    pub(super) store: Store,
    pub(super) sagas: Sagas,
    pub(super) definitions: Definitions,
    services: Vec<Store>,
}

/// Why the shop cannot do something.
#[derive(Debug)]
#[non_exhaustive]
pub enum ShopError {
    /// Another process works in the directory: wait for it, or take another one.
    Busy(PathBuf),
    /// The directory belongs to another intake: take another one.
    OtherIntake {
        /// What it belongs to.
        before: String,
        /// What was to be worked on.
        now: String,
    },
    /// The directory holds something else and no shop: take another one, or say that the shop may
    /// stand there.
    Occupied {
        /// The directory.
        dir: PathBuf,
        /// What is there.
        names: Vec<String>,
    },
    /// There is no shop in the directory.
    NoShop(PathBuf),
    /// A newer program wrote what is there: use that.
    Foreign(Box<dyn Error + Send + Sync>),
    /// A directory cannot be made or used.
    Io(PathBuf, io::Error),
    /// A store cannot be opened.
    Open(PathBuf, OpenError),
    /// A store cannot be read.
    Read(ReadError),
    /// Something could not be stored.
    Append(AppendError),
    /// A document cannot be read or stored.
    Book(BookError),
    /// The sagas do not go on.
    Saga(SagaError),
    /// A saga is impossible, which is a bug.
    Definition(DefinitionError),
    /// A store could not be closed in order; nothing that was acknowledged is lost.
    Close(LogError),
}

impl ShopError {
    pub(crate) fn foreign(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Foreign(error.into())
    }
}

impl fmt::Display for ShopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy(dir) => write!(
                f,
                "another process works in {}: wait until it is done, or give another directory \
                 with --data",
                dir.display(),
            ),
            Self::OtherIntake { before, now } => write!(
                f,
                "the directory holds the orders of {before}, not of {now}: give another one with \
                 --data",
            ),
            Self::Occupied { dir, names } => write!(
                f,
                "{} holds no shop, but {}: give another directory with --data, or say \
                 --among-others",
                dir.display(),
                names.join(", ")
            ),
            Self::NoShop(dir) => {
                write!(f, "there are no orders in {}", dir.display())
            }
            Self::Foreign(error) => write!(f, "what is stored is none of this program's: {error}"),
            Self::Io(dir, error) => write!(f, "{}: {error}", dir.display()),
            Self::Open(dir, error) => write!(f, "{}: {error}", dir.display()),
            Self::Read(error) => error.fmt(f),
            Self::Append(error) => error.fmt(f),
            Self::Book(error) => error.fmt(f),
            Self::Saga(error) => error.fmt(f),
            Self::Definition(error) => error.fmt(f),
            Self::Close(error) => error.fmt(f),
        }
    }
}

impl Error for ShopError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Busy(_) | Self::OtherIntake { .. } | Self::Occupied { .. } | Self::NoShop(_) => {
                None
            }
            Self::Foreign(error) => Some(&**error),
            Self::Io(_, error) => Some(error),
            Self::Open(_, error) => Some(error),
            Self::Read(error) => Some(error),
            Self::Append(error) => Some(error),
            Self::Book(error) => Some(error),
            Self::Saga(error) => Some(error),
            Self::Definition(error) => Some(error),
            Self::Close(error) => Some(error),
        }
    }
}

macro_rules! from {
    ($($variant:ident($error:ty)),*) => {$(
        impl From<$error> for ShopError {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        }
    )*};
}

from!(
    Read(ReadError),
    Append(AppendError),
    Book(BookError),
    Saga(SagaError),
    Definition(DefinitionError)
);

impl Shop {
    /// Opens the shop in `data`, which is made if it is missing. What was unfinished goes on.
    ///
    /// # Errors
    /// [`ShopError::Busy`] if another process has it open, [`ShopError::Occupied`] if the directory
    /// is somebody else's.
    ///
    /// # Cancel safety
    /// A dropped future may leave stores behind that are made or open; opening again is right.
    pub async fn open(data: &Path, options: ShopOptions) -> Result<Self, ShopError> {
        if !options.among_others {
            refuse_others(data)?;
        }
        let (runtime, store) = open_store(data, Stage::Shop, Options::default()).await?;
        let (mut around, conditions) = (Around::new(data), options.conditions);
        // Orders want the same shelves, so they are asked for one after the other.
        around.opens(Service::Inventory, Inventory::new(conditions), Work::InTurn).await?;
        around.opens(Service::Payment, Payment::new(conditions), Work::Together).await?;
        around.opens(Service::Shipping, Shipping::new(conditions), Work::Together).await?;
        around.opens(Service::Notification, Notification, Work::Together).await?;
        let Around { exchange, services, .. } = around;
        let transport = exchange.connect(runtime.clone(), options.faults);
        Self::over(&runtime, store, transport, options.patience, services).await
    }

    async fn over(
        runtime: &TokioRuntime,
        store: Store,
        transport: Loopback<TokioRuntime>,
        patience: Patience,
        services: Vec<Store>,
    ) -> Result<Self, ShopError> {
        let definitions = Definitions::build(&store, transport, patience)?;
        let options = SagaOptions::default();
        let sagas = Sagas::open_with(runtime, &store, definitions.codes(), options).await?;
        Ok(Self { store, sagas, definitions, services })
    }

    /// The sagas.
    pub fn sagas(&self) -> &Sagas {
        &self.sagas
    }

    /// Closes the shop in order: attempts under way have `grace` to end. What is unfinished goes on
    /// at the next opening.
    ///
    /// # Errors
    /// The first store that could not be closed; nothing that was acknowledged is lost.
    ///
    /// # Cancel safety
    /// A dropped future leaves the rest to the destructors, as a crash would.
    pub async fn close(self, grace: Duration) -> Result<(), ShopError> {
        let Self { store, sagas, definitions, services } = self;
        sagas.close(grace).await?;
        // They hold the way to the services, which end with it.
        drop(definitions);
        store.close().await.map_err(ShopError::Close)?;
        for books in services {
            books.close().await.map_err(ShopError::Close)?;
        }
        Ok(())
    }
}

/// Refuses a directory that holds something else and no shop: it is mostly a wrong path, and two
/// things in one directory are hard to tell apart later.
#[expect(clippy::disallowed_methods, reason = "only names are looked at")]
fn refuse_others(data: &Path) -> Result<(), ShopError> {
    let entries = match fs::read_dir(data) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(ShopError::Io(data.to_owned(), error)),
    };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    // The root of a file system has this one, and it says nothing about who lives there.
    let mut names: Vec<String> = names.filter(|name| name != "lost+found").collect();
    names.sort_unstable();
    if names.is_empty() || names.iter().any(|name| name == SHOP) {
        return Ok(());
    }
    Err(ShopError::Occupied { dir: data.to_owned(), names })
}

/// The services, being opened.
struct Around<'a> {
    data: &'a Path,
    exchange: Exchange,
    services: Vec<Store>,
}

impl<'a> Around<'a> {
    const fn new(data: &'a Path) -> Self {
        Self { data, exchange: Exchange::new(), services: Vec::new() }
    }

    async fn opens(
        &mut self,
        service: Service,
        business: impl Business,
        work: Work,
    ) -> Result<(), ShopError> {
        let small = Options::default().segment_bytes(SEGMENT_BYTES).prepared_segments(1);
        let (machine, books) = open_store(self.data, Stage::Service(service), small).await?;
        self.services.push(books.clone());
        let served =
            self.exchange.serve(service, &machine, Participant::new(books, business), work);
        served.map_err(|error| ShopError::Io(self.data.to_owned(), error))
    }
}

async fn open_store(
    data: &Path,
    stage: Stage,
    options: Options,
) -> Result<(TokioRuntime, Store), ShopError> {
    let dir = stage.dir(data);
    let runtime = TokioRuntime::create(&dir).map_err(|error| ShopError::Io(dir.clone(), error))?;
    match Store::open_with(&runtime, options).await {
        Ok((store, _)) => Ok((runtime, store)),
        Err(OpenError::Locked) => Err(ShopError::Busy(data.to_owned())),
        Err(error) => Err(ShopError::Open(dir, error)),
    }
}
