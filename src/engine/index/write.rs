//! Makes a run: from a table of memory, or from adjacent runs.
//!
//! Straight lines of disk calls. All pages are durable before the header is written, and the name
//! before anybody relies on the run. What a crash leaves behind has no header and is removed by
//! the next open.

use super::run::{Damaged, Pages, Run, RunWalk};
use crate::{
    engine::procedures::{create_anew, remove_files, write_all},
    ids::StoreId,
    log::{Anchor, fields::u64_from},
    runtime::{Disk, File},
    store::{
        fault::RunFault,
        memory::{Content, Memory},
        merge::{join_lists, join_values},
        page::PAGE_BYTES,
        payload::PostingsPayload,
        run::{
            RunHeader,
            builder::{Finished, RunBuilder},
        },
        run_name::RunName,
        term::TermKind,
    },
};
use std::{io, sync::Arc};

/// How many bytes of pages are gathered before they are written.
const WRITE_BYTES: u64 = 1 << 20;

/// Why a run was not made.
#[derive(Debug)]
pub(super) enum Unmade {
    /// The disk refused.
    Io(io::Error),
    /// One of the runs that it was to be made of is damaged.
    Damaged(Damaged),
    /// The store is being closed.
    Closing,
}

impl From<io::Error> for Unmade {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Damaged> for Unmade {
    fn from(damaged: Damaged) -> Self {
        Self::Damaged(damaged)
    }
}

/// A run's file while it is being written.
struct Output<F> {
    file: F,
    builder: RunBuilder,
    offset: u64,
}

impl<F: File> Output<F> {
    async fn create<D: Disk<File = F>>(
        disk: &D,
        name: RunName,
        builder: RunBuilder,
    ) -> io::Result<Self> {
        let file = create_anew(disk, &name.file_name()).await?;
        Ok(Self { file, builder, offset: u64_from(PAGE_BYTES) })
    }

    /// Writes the pages that are ready, if there are enough of them.
    async fn drain(&mut self) -> io::Result<()> {
        if self.builder.ready_bytes() < WRITE_BYTES {
            return Ok(());
        }
        let pages = self.builder.take_pages();
        self.put(&pages).await
    }

    async fn put(&mut self, pages: &[u8]) -> io::Result<()> {
        write_all(&self.file, pages, self.offset).await?;
        self.offset += u64_from(pages.len());
        Ok(())
    }

    async fn finish(mut self) -> io::Result<RunHeader> {
        let pages = self.builder.take_pages();
        self.put(&pages).await?;
        let Self { file, builder, mut offset } = self;
        let Finished { tail, filter, header } = builder.finish();
        for pages in [tail, filter] {
            write_all(&file, &pages, offset).await?;
            offset += u64_from(pages.len());
        }
        file.sync_data().await?;
        write_all(&file, &header.encode(), 0).await?;
        file.sync_data().await?;
        Ok(header)
    }
}

/// Writes the run of a table that covers the log from `first` to `end`.
pub(super) async fn write_table<D: Disk>(
    disk: &D,
    store: StoreId,
    table: &Memory,
    first: Anchor,
    end: Anchor,
) -> io::Result<RunHeader> {
    let name = RunName { first: first.position, end: end.position };
    let written = write_entries(disk, store, table, first, end, name).await;
    if written.is_err() {
        discard(disk, name).await;
    }
    written
}

/// Gives back what a run took that was not finished: if the disk is full, the log needs it more.
async fn discard<D: Disk>(disk: &D, name: RunName) {
    if let Err(error) = remove_files(disk, &[name.file_name()]).await {
        tracing::warn!(%error, run = %name.file_name(), "a torn run stays until the next open");
    }
}

async fn write_entries<D: Disk>(
    disk: &D,
    store: StoreId,
    table: &Memory,
    first: Anchor,
    end: Anchor,
    name: RunName,
) -> io::Result<RunHeader> {
    let entries = table.sorted_entries();
    let builder = RunBuilder::new(store, first, end, u64_from(entries.len()));
    let mut output = Output::create(disk, name, builder).await?;
    let mut term = Vec::new();
    for entry in &entries {
        entry.write_term(&mut term);
        let builder = &mut output.builder;
        let written = match entry.content {
            Content::Value(value) => builder.value(&term, value),
            Content::Postings { first_ordinal, postings } => builder
                .begin(&term, first_ordinal)
                .and_then(|()| postings.iter().try_for_each(|posting| builder.posting(*posting)))
                .and_then(|()| builder.end()),
        };
        written.expect("memory is sorted and was checked when it was filled");
        output.drain().await?;
    }
    let header = output.finish().await?;
    disk.sync_dir().await?;
    Ok(header)
}

/// Writes the run that covers what adjacent `runs` cover. `is_wanted` is asked now and then.
pub(super) async fn merge<D: Disk>(
    disk: &D,
    pages: &Pages,
    runs: &[Arc<Run>],
    is_wanted: impl Fn() -> bool,
) -> Result<RunHeader, Unmade> {
    let (oldest, newest) = match runs {
        [oldest, .., newest] => (oldest.header(), newest.header()),
        _ => unreachable!("two runs at least are merged"),
    };
    let terms = runs.iter().map(|run| run.header().terms).sum();
    let builder = RunBuilder::new(oldest.store, oldest.first, newest.end, terms);
    let name = RunName { first: oldest.first.position, end: newest.end.position };
    let merged = merge_terms(disk, pages, runs, is_wanted, builder, name).await;
    if merged.is_err() {
        discard(disk, name).await;
    }
    merged
}

async fn merge_terms<D: Disk>(
    disk: &D,
    pages: &Pages,
    runs: &[Arc<Run>],
    is_wanted: impl Fn() -> bool,
    builder: RunBuilder,
    name: RunName,
) -> Result<RunHeader, Unmade> {
    let mut output = Output::create(disk, name, builder).await?;
    let mut inputs = Vec::with_capacity(runs.len());
    for run in runs {
        let mut input = Input { run, walk: run.walk(&[]), term: None, payload: Vec::new() };
        input.advance(pages).await?;
        inputs.push(input);
    }
    while let Some(term) = inputs.iter().filter_map(|input| input.term.clone()).min() {
        merge_term(pages, &mut inputs, &term, &mut output).await?;
        if !is_wanted() {
            return Err(Unmade::Closing);
        }
    }
    let header = output.finish().await?;
    disk.sync_dir().await?;
    Ok(header)
}

/// A run on its way into another.
struct Input<'a> {
    run: &'a Run,
    walk: RunWalk<'a>,
    /// The term that it stands on; `None` at the end.
    term: Option<Vec<u8>>,
    payload: Vec<u8>,
}

impl Input<'_> {
    fn holds(&self, term: &[u8]) -> bool {
        self.term.as_deref() == Some(term)
    }

    fn damaged(&self, fault: RunFault) -> Unmade {
        self.run.damaged(fault).into()
    }

    async fn advance(&mut self, pages: &Pages) -> Result<(), Damaged> {
        match self.walk.next(pages).await? {
            Some(entry) => {
                self.term = Some(entry.term().to_vec());
                self.payload.clear();
                self.payload.extend_from_slice(entry.payload());
            }
            None => self.term = None,
        }
        Ok(())
    }
}

/// Writes what all inputs have behind `term`: the postings one behind the other, of values the
/// newest.
async fn merge_term<F: File>(
    pages: &Pages,
    inputs: &mut [Input<'_>],
    term: &[u8],
    output: &mut Output<F>,
) -> Result<(), Unmade> {
    let holding: Vec<&Input<'_>> = inputs.iter().filter(|input| input.holds(term)).collect();
    match TermKind::of(term) {
        Some(kind) if kind.is_postings() => {
            merge_lists(pages, kind, &holding, term, output).await?;
        }
        Some(_) => merge_values(&holding, term, output)?,
        None => {
            if let Some(input) = holding.first() {
                return Err(input.damaged(RunFault::new("a term of no known kind")));
            }
        }
    }
    output.drain().await?;
    for input in inputs.iter_mut().filter(|input| input.holds(term)) {
        input.advance(pages).await?;
    }
    Ok(())
}

fn merge_values<F: File>(
    holding: &[&Input<'_>],
    term: &[u8],
    output: &mut Output<F>,
) -> Result<(), Unmade> {
    let values: Vec<&[u8]> = holding.iter().map(|input| input.payload.as_slice()).collect();
    match (join_values(&values), holding.last()) {
        (Some(value), Some(newest)) => {
            output.builder.value(term, value).map_err(|fault| newest.damaged(fault))
        }
        _ => Ok(()),
    }
}

async fn merge_lists<F: File>(
    pages: &Pages,
    kind: TermKind,
    holding: &[&Input<'_>],
    term: &[u8],
    output: &mut Output<F>,
) -> Result<(), Unmade> {
    let lists = holding.iter().map(|input| input.run.list(&input.payload));
    let lists = lists.collect::<Result<Vec<_>, Damaged>>()?;
    let [oldest, ..] = holding else { return Ok(()) };
    let first_ordinal = join_lists(kind, &lists).map_err(|fault| {
        // To blame is the first that does not follow those before it.
        let follows = |count: usize| join_lists(kind, &lists[..count]).is_ok();
        let at = (1..lists.len()).take_while(|count| follows(*count)).count();
        holding[at].damaged(fault)
    })?;
    let begun = output.builder.begin(term, first_ordinal);
    begun.map_err(|fault| oldest.damaged(fault))?;
    for (input, list) in holding.iter().zip(&lists) {
        append_list(pages, input, list, output).await?;
    }
    output.builder.end().map_err(|fault| oldest.damaged(fault))
}

/// Appends an input's list to the one that was begun.
async fn append_list<F: File>(
    pages: &Pages,
    input: &Input<'_>,
    list: &PostingsPayload<'_>,
    output: &mut Output<F>,
) -> Result<(), Unmade> {
    let damaged = |fault| input.damaged(fault);
    if let Some(decoder) = list.inline() {
        for posting in decoder {
            output.builder.posting(posting.map_err(damaged)?).map_err(damaged)?;
        }
    } else if let Some(mut walk) = list.pages() {
        while let Some(number) = walk.page() {
            let page = input.run.uncached_page(pages, number).await?;
            for posting in walk.supply(&page).map_err(damaged)? {
                output.builder.posting(posting.map_err(damaged)?).map_err(damaged)?;
            }
            output.drain().await?;
        }
    }
    Ok(())
}
