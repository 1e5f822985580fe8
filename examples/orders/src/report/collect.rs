//! Reading the books of a shop, beside whoever has them open.
//!
//! It opens everything for reading only. The invariant it guards: what is reported is what would
//! survive a power failure at that moment.

use super::{
    Entry, RejectedLines, Report, Sales, StockRow, UnresolvedReturn,
    steps::{Steps, failed_attempt},
};
use crate::{
    audit::{Books, Documents, judge},
    domain::{Document, DocumentNo, Money, Order, OrderState, ReturnState, WriteOffState},
    ports::Service,
    sagas::STEPS,
    shop::{IntakeLog, ShopError, Stage},
};
use sagalog::{OpenError, Read, ReadOnlyStore, SagaReader, SagaTurn, Store};
use std::{collections::BTreeMap, path::Path};

/// How many products are listed.
const PRODUCTS_SHOWN: usize = 10;
/// How many lines are named for each reason.
const LINES_SHOWN: usize = 5;

/// The shop's own store, for reading.
///
/// # Errors
/// [`ShopError::NoShop`] if there is none.
pub(crate) async fn open(data: &Path, stage: Stage) -> Result<ReadOnlyStore, ShopError> {
    let dir = stage.dir(data);
    match Store::open_read_only(&dir).await {
        Ok(store) => Ok(store),
        Err(OpenError::NotAStore { .. }) => Err(ShopError::NoShop(data.to_owned())),
        Err(OpenError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(ShopError::NoShop(data.to_owned()))
        }
        Err(error) => Err(ShopError::Open(dir, error)),
    }
}

/// What stands in the services' books.
///
/// # Errors
/// [`ShopError`] says what cannot be read.
pub(crate) async fn books(data: &Path) -> Result<Books, ShopError> {
    let mut books = Books::default();
    for service in Service::ALL {
        let store = open(data, Stage::Service(service)).await?;
        let added = match service {
            Service::Inventory => books.add_inventory(&store).await,
            Service::Payment => books.add_payment(&store).await,
            Service::Shipping => books.add_shipping(&store).await,
            Service::Notification => books.add_notification(&store).await,
        };
        added.map_err(ShopError::foreign)?;
    }
    Ok(books)
}

impl Report {
    /// The report on the shop in this directory, whether somebody works there or not.
    ///
    /// # Errors
    /// [`ShopError::NoShop`] if there is none.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn of(data: &Path) -> Result<Self, ShopError> {
        let store = open(data, Stage::Shop).await?;
        let mut report = Self::default();
        if let Some(log) = IntakeLog::read(&store).await? {
            report.take_intake(log);
        }
        let documents = Documents::read(&store).await?;
        let read = documents.orders.len() + documents.returns.len() + documents.write_offs.len();
        report.unfinished = report.unfinished.saturating_sub(read as u64);
        let names = STEPS.into_iter().collect::<BTreeMap<_, _>>();
        let mut steps = Steps::default();
        let mut turns = store.read(Read::category(SagaTurn::CATEGORY).with_system());
        let mut eventful: BTreeMap<String, usize> = BTreeMap::new();
        while let Some(event) = turns.next().await? {
            let Some(turn) = SagaTurn::decode(&event)? else { continue };
            steps.add(&turn);
            let failed = |record: &&_| failed_attempt(record, &[]).is_some();
            let tries = turn.records.iter().filter(failed).count();
            *eventful.entry(turn.saga.to_string()).or_default() += tries;
        }
        report.retries = steps.retries;
        report.ambiguous = steps.ambiguous;
        report.compensations = steps.compensations;
        report.steps = steps.facts(&names);
        for stuck in SagaReader::from(&store).stuck().await? {
            report.stuck.push(stuck.saga.to_string());
        }
        report.take_documents(&documents);
        if let Some(example) = most_eventful(&documents, &eventful) {
            report.example = example.to_string();
            report.example_history = history(&store, example, &documents.orders[example]).await?;
        }
        let books = books(data).await?;
        report.take_stock(&books);
        report.audit = (report.unfinished == 0).then(|| judge(&documents, &books));
        Ok(report)
    }

    fn take_intake(&mut self, log: IntakeLog) {
        self.source = log.record.source;
        self.lines = log.record.lines;
        // Until they are found.
        self.unfinished = log.record.documents as u64;
        let mut reasons: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for rejection in log.rejected {
            reasons.entry(rejection.reason).or_default().push(rejection.line);
        }
        self.rejected = reasons
            .into_iter()
            .map(|(reason, lines)| RejectedLines {
                reason,
                count: lines.len() as u64,
                first_lines: lines.into_iter().take(LINES_SHOWN).collect(),
            })
            .collect();
        self.rejected.sort_by_key(|rejected| std::cmp::Reverse(rejected.count));
    }

    fn take_documents(&mut self, documents: &Documents) {
        let (mut countries, mut days) = (BTreeMap::new(), BTreeMap::new());
        for order in documents.orders.values() {
            *self.orders.entry(order.state.name()).or_default() += 1;
            self.unfinished += u64::from(!order.state.is_final());
            self.take_order(order, &mut countries, &mut days);
        }
        for returned in documents.returns.values() {
            *self.returns.entry(returned.state.name()).or_default() += 1;
            self.unfinished += u64::from(returned.state != ReturnState::Completed);
        }
        for (number, returned) in &documents.returns {
            let Some(matching) = &returned.matching else { continue };
            self.totals.refunded_pence += matching.refund();
            self.totals.credited_pence += matching.credit();
            let lines = &returned.placed.lines;
            let unresolved = matching.unmatched.iter().filter_map(|rest| {
                let (line, product) = lines.get(rest.line).map(|line| (line.at, &line.product))?;
                let (by, product) = (number.to_string(), product.to_string());
                let (pieces, credit_pence) = (rest.pieces, rest.credit);
                Some(UnresolvedReturn { by, line, product, pieces, credit_pence })
            });
            self.unresolved_returns.extend(unresolved);
        }
        for write_off in documents.write_offs.values() {
            *self.write_offs.entry(write_off.state.name()).or_default() += 1;
            let ended =
                matches!(write_off.state, WriteOffState::WrittenOff | WriteOffState::Cancelled);
            self.unfinished += u64::from(!ended);
        }
        self.unresolved_returns.sort_by_key(|unresolved| unresolved.line);
        self.by_country = sales(countries);
        self.by_country.sort_by_key(|sales| std::cmp::Reverse(sales.revenue_pence));
        self.by_day = sales(days);
    }

    fn take_order(
        &mut self,
        order: &Order,
        countries: &mut BTreeMap<String, (u64, Money)>,
        days: &mut BTreeMap<String, (u64, Money)>,
    ) {
        let placed = &order.placed;
        if order.state == OrderState::Cancelled {
            self.totals.cancelled_pence += placed.total();
            let because = order.history.last().map(|moment| moment.event.cause());
            *self.cancelled_because.entry(because.unwrap_or_default()).or_default() += 1;
        }
        if order.state != OrderState::Completed {
            return;
        }
        let whole: Money = placed.lines.iter().map(crate::domain::Line::amount).sum();
        self.totals.revenue_pence += placed.total();
        self.totals.discounts_pence += whole - placed.total();
        for (name, sums) in [(placed.country.as_str(), countries), (placed.ordered_at.day(), days)]
        {
            let (orders, revenue) = sums.entry(name.to_owned()).or_default();
            *orders += 1;
            *revenue += placed.total();
        }
    }

    fn take_stock(&mut self, books: &Books) {
        let stock = &mut self.stock;
        stock.products = books.shelves.len() as u64;
        for (product, shelf) in &books.shelves {
            stock.opened += shelf.opened;
            stock.on_hand += i64::try_from(shelf.on_hand).unwrap_or(i64::MAX);
            let row =
                StockRow { product: product.clone(), left: -shelf.changed, on_hand: shelf.on_hand };
            stock.most_moved.push(row);
        }
        for (name, change) in books.moves.values().flat_map(BTreeMap::values).flatten() {
            use crate::services::entries::{RELEASED, RESERVED, RESTOCKED, TAKEN_OFF};
            match name.as_str() {
                RESERVED => stock.reserved -= change,
                RELEASED => stock.released += change,
                RESTOCKED => stock.restocked += change,
                TAKEN_OFF => stock.taken_off -= change,
                _ => {}
            }
        }
        stock.most_moved.sort_by(|a, b| b.left.cmp(&a.left).then(a.product.cmp(&b.product)));
        stock.most_moved.truncate(PRODUCTS_SHOWN);
    }
}

fn sales(sums: BTreeMap<String, (u64, Money)>) -> Vec<Sales> {
    let sums = sums.into_iter();
    sums.map(|(name, (orders, revenue_pence))| Sales { name, orders, revenue_pence }).collect()
}

/// The order of which the most can be told: by failed attempts, then by events; of equals the
/// first one.
fn most_eventful<'a>(
    documents: &'a Documents,
    eventful: &BTreeMap<String, usize>,
) -> Option<&'a DocumentNo> {
    let told = |number: &DocumentNo, order: &Order| {
        let failed = eventful.get(&Order::name(number)).copied().unwrap_or(0);
        (failed, order.history.len())
    };
    let orders = documents.orders.iter().rev();
    orders.max_by_key(|(number, order)| told(number, order)).map(|(number, _)| number)
}

/// What happened to an order, with the attempts that failed, in the order in which it is on record.
///
/// # Errors
/// [`ShopError`] says what cannot be read.
pub(crate) async fn history(
    store: &ReadOnlyStore,
    number: &DocumentNo,
    order: &Order,
) -> Result<Vec<Entry>, ShopError> {
    let mut entries: Vec<Entry> = order
        .history
        .iter()
        .map(|moment| Entry {
            at_unix_nanos: moment.at.as_unix_nanos(),
            what: moment.event.name().to_owned(),
            cause: moment.event.cause(),
            state: Some(moment.state.name()),
        })
        .collect();
    let saga = crate::sagas::saga_id::<Order>(number);
    let known = STEPS.iter().find(|(saga, _)| *saga == Order::KIND).map(|(_, steps)| *steps);
    let mut turns = match SagaReader::from(store).timeline(&saga).await {
        Ok(turns) => turns,
        // Its saga was not begun yet.
        Err(sagalog::SagaError::NotFound(_)) => return Ok(entries),
        Err(error) => return Err(error.into()),
    };
    while let Some(turn) = turns.next().await? {
        let failed = turn.records.iter();
        let failed = failed.filter_map(|record| failed_attempt(record, known.unwrap_or(&[])));
        entries.extend(failed.map(|(what, cause)| Entry {
            at_unix_nanos: turn.recorded_at.as_unix_nanos(),
            what,
            cause,
            state: None,
        }));
    }
    entries.sort_by_key(|entry| entry.at_unix_nanos);
    Ok(entries)
}
