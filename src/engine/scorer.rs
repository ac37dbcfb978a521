//! Scoring one dossier: the prefix is read once, then all dimensions are written side by side.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use rayon::prelude::*;

use crate::dossier::Dossier;
use crate::engine::answer::{Answer, PartialAnswer};
use crate::engine::assessment::{Assessment, ModelIdentity, RubricIdentity, ScoreReading, Timing, Trace};
use crate::engine::calibration::{Calibration, Features};
use crate::engine::event::{Influence, ScoreEvent, ScoreRequest, TextField};
use crate::engine::grammar::{Grammar, GrammarFactory};
use crate::engine::impression::{Impression, TextState, rounded, segment_states};
use crate::engine::plan::{Branch, Plan, Planner};
use crate::engine::prompt;
use crate::engine::reading::{self, LevelTokens};
use crate::engine::sampler::{self, Sampler};
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::{EvidenceLink, Polarity, signals};
use crate::hash::ContentHash;
use crate::id::{DimensionId, SegmentNo};
use crate::model::backend::{Backend, DeviceChoice};
use crate::model::chat::ChatFrame;
use crate::model::decoder::{Decoder, Step};
use crate::model::gguf::Gguf;
use crate::model::kernels::attention;
use crate::model::kv::pages::{PAGE, PageFolder};
use crate::model::kv::{BranchKv, Held, SharedPrefix};
use crate::model::linear::WeightForm;
use crate::model::lora::NamedAdapter;
use crate::model::tokenizer::Tokenizer;
use crate::seed::Seed;

mod likelihood;

pub use likelihood::KnownAnswer;

/// How to score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreOptions {
    /// Tokens of the prefix per forward pass, at most a page of them: cancelling and progress happen between passes.
    pub chunk: usize,
    /// The most tokens of prompt and answer; the model's own context if that is shorter.
    pub context_limit: usize,
    /// The most segments a branch prompt names as worth a look.
    pub shortlist: usize,
    /// 0 writes the most likely text; above 0 samples.
    pub temperature: f64,
    /// How the weights are held.
    pub weights: WeightForm,
    /// Where they are.
    pub device: DeviceChoice,
}

impl Default for ScoreOptions {
    fn default() -> Self {
        Self {
            chunk: PAGE,
            context_limit: 32_768,
            shortlist: SHORTLIST,
            temperature: 0.0,
            weights: WeightForm::default(),
            device: DeviceChoice::default(),
        }
    }
}

/// To be raised whenever the same weights would say something else: answers that other code gave are not reused.
const REVISION: u32 = 4;
/// The most segments a branch prompt names as worth a look, if nothing else is said.
pub const SHORTLIST: usize = 12;
/// The most links of kind `count` an assessment carries.
const MAX_COUNTS: usize = 3;
/// A term said once is a quotation, not a pattern.
const MIN_COUNT: usize = 2;

/// A model that can score.
pub struct Scorer {
    identity: ModelIdentity,
    options: ScoreOptions,
    decoder: Decoder,
    tokenizer: Arc<Tokenizer>,
    frame: ChatFrame,
    grammars: GrammarFactory,
    levels: LevelTokens,
    /// The last prefix that was read: a second look at the same dossier costs nothing.
    last: Option<(Vec<u32>, Arc<SharedPrefix>)>,
    /// Prefixes of earlier runs, if they are kept.
    pages: Option<PageFolder>,
    cache: PrefixCache,
}

/// Where prefixes are kept between runs.
#[derive(Debug, Clone, Default)]
pub struct PrefixCache {
    /// The folder; made when the first page is kept.
    pub folder: std::path::PathBuf,
    /// The most bytes in it; 0 keeps nothing.
    pub limit: u64,
}

/// Where the events of a run go, and whether it should stop.
pub struct Run<'a> {
    /// Takes events.
    pub sink: &'a mut dyn FnMut(ScoreEvent),
    /// Says whether the run was cancelled.
    pub cancelled: &'a dyn Fn() -> bool,
}

impl Run<'_> {
    fn check(&self) -> Result<()> {
        if (self.cancelled)() {
            return Err(Error::new(ErrorKind::Cancelled, "cancelled"));
        }
        Ok(())
    }
}

/// A request whose dossier was read.
struct Prepared<'a> {
    plan: Plan,
    prefix: Arc<SharedPrefix>,
    impression: Impression<'a>,
    /// Tokens that were read: the others were kept from before.
    read: usize,
}

impl Scorer {
    /// Loads the weights in `path`, without an adapter; `progress` hears a fraction.
    ///
    /// # Errors
    /// The file is missing, corrupt, or of an architecture this program does not run.
    pub fn load(
        path: &std::path::Path,
        identity: ModelIdentity,
        options: ScoreOptions,
        progress: &(dyn Fn(f32) + Sync),
    ) -> Result<Self> {
        let gguf = Gguf::open(path)?;
        let tokenizer = Arc::new(Tokenizer::from_gguf(&gguf)?);
        let frame = ChatFrame::from_gguf(&gguf, &tokenizer)?;
        let levels = LevelTokens::of(&tokenizer)?;
        let grammars = GrammarFactory::new(tokenizer.clone())?;
        let decoder = Decoder::load(&gguf, options.weights, &Backend::open(options.device)?, progress)?;
        let identity = ModelIdentity {
            adapter: None,
            ..identity
        };
        Ok(Self {
            identity,
            options,
            decoder,
            tokenizer,
            frame,
            grammars,
            levels,
            last: None,
            pages: None,
            cache: PrefixCache::default(),
        })
    }

    /// Keeps prefixes on disk, and takes them from there.
    #[must_use]
    pub fn with_cache(mut self, cache: &PrefixCache) -> Self {
        self.cache = cache.clone();
        self.pages = self.page_folder();
        self
    }

    fn page_folder(&self) -> Option<PageFolder> {
        let ModelIdentity { sha256, adapter, .. } = self.identity.reads_as();
        let way = attention::way(self.decoder.geometry());
        let weights = format!("{sha256} {adapter:?} {:?} {way}", self.options.weights);
        let PrefixCache { folder, limit } = &self.cache;
        (*limit > 0 && self.decoder.geometry().held == Held::Blocks)
            .then(|| PageFolder::new(folder, *limit, &weights))
    }

    /// Lays an adapter over the weights, or takes it off; nothing is loaded again. What was read and kept is used on where
    /// both read alike.
    ///
    /// # Errors
    /// The adapter is for a model of other sizes; everything is then as it was.
    pub fn wear(&mut self, adapter: Option<&NamedAdapter>) -> Result<()> {
        let label = adapter.map(NamedAdapter::label);
        if label == self.identity.adapter {
            return Ok(());
        }
        if let Some(NamedAdapter { adapter, .. }) = adapter {
            self.frame
                .check_invocation(&adapter.invocation, &self.tokenizer)?;
        }
        self.decoder = self.decoder.with_adapter(adapter.map(|a| &a.adapter))?;
        let before = self.identity.reads_as();
        self.identity.adapter = label;
        if self.identity.reads_as() != before {
            self.last = None;
            self.pages = self.page_folder();
        }
        Ok(())
    }

    /// Which weights these are.
    pub fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    /// Names everything that an answer depends on beside its request: who keeps answers keeps them under this.
    pub fn fingerprint(&self) -> ContentHash {
        let version = env!("CARGO_PKG_VERSION");
        let (identity, options, prompts) = (&self.identity, &self.options, prompt::templates_hash());
        let way = attention::way(self.decoder.geometry());
        ContentHash::of(format!("{version} {REVISION} {identity:?} {options:?} {prompts} {way}").as_bytes())
    }

    /// The tokenizer of the weights.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The weights, for whoever runs them without prompts and grammars.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// Forgets the last prefix: the next request reads its dossier anew.
    pub fn forget(&mut self) {
        self.last = None;
    }

    /// What the model would be given for `request`.
    ///
    /// # Errors
    /// A dimension is not in the rubric, or the context is too small.
    pub fn plan(&self, request: &ScoreRequest) -> Result<Plan> {
        self.planner().plan(request)
    }

    fn planner(&self) -> Planner<'_> {
        Planner {
            tokenizer: &self.tokenizer,
            frame: &self.frame,
            context: self.options.context_limit.min(self.decoder.config().context),
            shortlist: self.options.shortlist,
        }
    }

    /// Scores a request: every event up to `Done` goes to the run's sink.
    ///
    /// # Errors
    /// `Cancelled` when the run says so; otherwise whatever stopped the work. Dimensions that had finished were told.
    pub fn score(&mut self, request: &ScoreRequest, run: &mut Run) -> Result<()> {
        let started = Instant::now();
        let Prepared {
            plan,
            prefix,
            impression,
            read: prefill_tokens,
        } = self.prepare(request, run)?;
        let mut timing = Timing {
            prefill_tokens,
            kept_tokens: plan.prefix.len() - prefill_tokens,
            prefill_ms: milliseconds(started),
            ..Timing::default()
        };
        let mut waiting = plan.branches.iter();
        let mut writers: Vec<Writer> = Vec::new();
        loop {
            run.check()?;
            // The first dimension goes ahead until its score is known: somebody is waiting for it. Then one more prompt is
            // read in each pass, beside what the others write.
            if writers.first().is_none_or(|first| first.score.is_some())
                && let Some(branch) = waiting.next()
            {
                let text = impression.text(&branch.dimension);
                let seen = seen(&plan, &prefix, branch.cited.as_deref());
                writers.push(self.begin(request, branch, seen, text, run)?);
            }
            if writers.iter().all(|w| w.pending.is_empty()) {
                break;
            }
            self.advance(request, &plan, &mut writers, run)?;
            if timing.first_score_ms == 0.0 && writers.iter().any(|w| w.score.is_some()) {
                timing.first_score_ms = milliseconds(started);
            }
        }
        timing.generated_tokens = writers.iter().map(|w| w.output.len()).sum();
        if request.influence {
            self.influence(&plan, &writers, &prefix, run)?;
        }
        timing.total_ms = milliseconds(started);
        timing.kv_bytes = prefix.bytes() + writers.iter().map(|w| w.kv.bytes()).sum::<usize>();
        (run.sink)(ScoreEvent::Done(timing));
        Ok(())
    }

    /// Reads the dossier of a request, and plans what is asked about it.
    fn prepare<'a>(&mut self, request: &'a ScoreRequest, run: &mut Run) -> Result<Prepared<'a>> {
        let mut plan = self.plan(request)?;
        let (prefix, read) = self.prefix(&plan, run)?;
        let impression = Impression::of(request, &plan, &prefix);
        if impression.is_focused() {
            self.planner()
                .branch_anew(&mut plan, request, &|dimension| impression.order(dimension))?;
        }
        Ok(Prepared {
            plan,
            prefix,
            impression,
            read,
        })
    }

    /// Reads a request's dossier, and gives the state of each of its segments, `[H]`, as a focus sees it; none where the
    /// tokenizer's bytes are not those of the text.
    ///
    /// # Errors
    /// As [`Scorer::score`].
    pub fn segment_states(
        &mut self,
        request: &ScoreRequest,
        run: &mut Run,
    ) -> Result<Vec<(SegmentNo, Vec<f32>)>> {
        let plan = self.plan(request)?;
        let (prefix, _) = self.prefix(&plan, run)?;
        let states = segment_states(&plan, &prefix);
        Ok(plan.segments.iter().copied().zip(states).collect())
    }

    /// Reads the shared prefix, or takes it from the last run or from disk, as far as it is there; with it, how many
    /// tokens were read.
    fn prefix(&mut self, plan: &Plan, run: &mut Run) -> Result<(Arc<SharedPrefix>, usize)> {
        if let Some((tokens, prefix)) = &self.last
            && *tokens == plan.prefix
        {
            return Ok((prefix.clone(), 0));
        }
        self.last = None;
        let (kv, read) = self.read(&plan.prefix, run)?;
        self.decoder.finish()?;
        let prefix = kv.freeze()?;
        self.last = Some((plan.prefix.clone(), prefix.clone()));
        Ok((prefix, read))
    }

    /// Reads `tokens`, but for the pages at their beginning that were kept; with them, how many were read.
    fn read(&self, tokens: &[u32], run: &mut Run) -> Result<(BranchKv, usize)> {
        let mut kv = BranchKv::root(self.decoder.geometry());
        let mut read = 0;
        let progress = |kv: &BranchKv, run: &mut Run| {
            (run.sink)(ScoreEvent::Prefill {
                done: kv.len(),
                total: tokens.len(),
            });
        };
        let pages = self.pages.as_ref().map(|folder| (folder, folder.pages(tokens)));
        progress(&kv, run);
        for (i, part) in tokens.chunks(PAGE).enumerate() {
            let page = pages.as_ref().map(|(folder, pages)| (*folder, &pages[i]));
            if read == 0 && page.is_some_and(|(folder, page)| folder.load(page, &mut kv)) {
                progress(&kv, run);
                continue;
            }
            for chunk in part.chunks(self.options.chunk) {
                run.check()?;
                let step = Step {
                    tokens: chunk,
                    spans: &[chunk.len()],
                    wanted: &[],
                };
                self.decoder.forward(&step, &mut [&mut kv])?;
                progress(&kv, run);
            }
            read += part.len();
            // A page that cannot be kept only costs another reading.
            let _ = page.map(|(folder, page)| folder.store(page, &kv));
        }
        if let Some(folder) = self.pages.as_ref().filter(|_| read > 0) {
            let _ = folder.trim();
        }
        Ok((kv, read))
    }

    /// Begins a branch that sees `seen`; the next pass reads its prompt.
    fn begin(
        &self,
        request: &ScoreRequest,
        branch: &Branch,
        seen: BranchKv,
        text: TextState,
        run: &mut Run,
    ) -> Result<Writer> {
        (run.sink)(ScoreEvent::Started {
            dimension: branch.dimension.clone(),
        });
        let seed = Seed::root(request.seed).branch(branch.dimension.as_str());
        let mut writer = Writer {
            dimension: branch.dimension.clone(),
            grammar: self.grammars.answer(&branch.citable)?,
            sampler: Sampler::new(self.options.temperature, seed),
            kv: seen,
            prompt: branch.tokens.clone(),
            pending: branch.tokens.clone(),
            text,
            output: Vec::new(),
            partial: PartialAnswer::default(),
            evidence: None,
            score: None,
        };
        if let Some(cited) = &branch.cited {
            writer.begin_with(&PartialAnswer::opening(cited), &self.tokenizer)?;
        }
        Ok(writer)
    }

    /// One forward pass over the pending tokens of every branch that is not complete, and what they say next.
    fn advance(
        &self,
        request: &ScoreRequest,
        plan: &Plan,
        writers: &mut [Writer],
        run: &mut Run,
    ) -> Result<()> {
        let live: Vec<&mut Writer> = writers.iter_mut().filter(|w| !w.pending.is_empty()).collect();
        let tokens: Vec<u32> = live.iter().flat_map(|w| w.pending.iter().copied()).collect();
        let spans: Vec<usize> = live.iter().map(|w| w.pending.len()).collect();
        let mut live = live;
        let output = {
            let mut kvs: Vec<&mut BranchKv> = live.iter_mut().map(|w| &mut w.kv).collect();
            self.decoder.forward(
                &Step {
                    tokens: &tokens,
                    spans: &spans,
                    wanted: &last_rows(&spans),
                },
                &mut kvs,
            )?
        };
        let mut logits = reading::rows(&output.logits)?;
        for (row, (writer, logits)) in live.iter_mut().zip(&logits).enumerate() {
            if writer.partial.at_score() && writer.score.is_none() {
                let hidden = output.hidden.get(row)?.to_vec1::<f32>()?;
                let calibration = request.calibration.as_deref();
                writer.read_score(self.levels.logits(logits), logits, &hidden, calibration, run);
            }
        }
        // The grammars' masks take a while: side by side.
        live.par_iter_mut()
            .zip(&mut logits)
            .try_for_each(|(writer, logits)| writer.write(logits, &self.tokenizer, request.score_only))?;
        for writer in live {
            writer.tell(request, plan, run);
            if writer.pending.is_empty() {
                self.finish(request, plan, writer, run)?;
            }
        }
        Ok(())
    }

    /// Reads each score again as if one of the segments it cites could not be seen, everything else the same to the token:
    /// how much the segment carries. What was read after the segment keeps what it took from it.
    fn influence(
        &self,
        plan: &Plan,
        writers: &[Writer],
        prefix: &Arc<SharedPrefix>,
        run: &mut Run,
    ) -> Result<()> {
        let cited = |w: &Writer| w.evidence.clone().unwrap_or_default();
        let numbers: BTreeSet<u32> = writers.iter().flat_map(cited).collect();
        for number in numbers {
            run.check()?;
            let index = number as usize - 1;
            let (Some(place), Some(segment)) = (plan.places.get(index), plan.segments.get(index)) else {
                return Err(Error::new(
                    ErrorKind::Engine,
                    "the tokens of this model's tokenizer cannot be assigned to segments",
                ));
            };
            let citing: Vec<&Writer> = writers.iter().filter(|w| cited(w).contains(&number)).collect();
            let whole = plan.excerpt(&[]).is_none().then(|| prefix.without(place.clone()));
            let whole = whole.transpose()?;
            let others = |w: &&Writer| {
                if let Some(whole) = &whole {
                    return BranchKv::fork(whole);
                }
                let mut kept = plan.excerpt(&cited(w)).unwrap_or_default();
                kept.retain(|at| !place.contains(at));
                prefix.excerpt(&kept)
            };
            let seen = citing.iter().map(others).collect();
            for (writer, reading) in citing.iter().zip(self.read_again(&citing, seen)?) {
                (run.sink)(ScoreEvent::Influence {
                    dimension: writer.dimension.clone(),
                    influence: Influence {
                        segment: *segment,
                        without: reading,
                    },
                });
            }
        }
        Ok(())
    }

    /// The scores of complete answers that see something else.
    fn read_again(&self, writers: &[&Writer], mut seen: Vec<BranchKv>) -> Result<Vec<ScoreReading>> {
        let written = |w: &&Writer| {
            let until = w.score.as_ref().map_or(0, |score| score.at);
            [&w.prompt[..], &w.output[..until]].concat()
        };
        let tokens: Vec<Vec<u32>> = writers.iter().map(written).collect();
        let spans: Vec<usize> = tokens.iter().map(Vec::len).collect();
        let output = self.decoder.forward(
            &Step {
                tokens: &tokens.concat(),
                spans: &spans,
                wanted: &last_rows(&spans),
            },
            &mut seen.iter_mut().collect::<Vec<_>>(),
        )?;
        let rows = reading::rows(&output.logits)?;
        Ok(rows
            .iter()
            .map(|row| reading::read(self.levels.logits(row), row))
            .collect())
    }

    fn finish(&self, request: &ScoreRequest, plan: &Plan, writer: &Writer, run: &mut Run) -> Result<()> {
        let answer = if request.score_only {
            writer.partial.without_words()?
        } else {
            Answer::parse(writer.partial.bytes())?
        };
        let Some(score) = &writer.score else {
            return Err(Error::new(
                ErrorKind::Engine,
                format!("{}: the answer has no score", writer.dimension),
            ));
        };
        let branch = plan.branches.iter().find(|b| b.dimension == writer.dimension);
        let trace = self.trace(request, plan, branch, writer, score);
        let assessment = Assessment {
            id: ContentHash::of(&trace.encode()?),
            dossier: request.dossier.meta.id.clone(),
            dimension: writer.dimension.clone(),
            reading: score.reading,
            calibration: applied(request, score)?,
            evidence: evidence(request, plan, writer, &answer.evidence),
            rationale: answer.rationale,
            suggestion: answer.suggestion,
            omitted: plan.omitted as u32,
            language: request.language,
            model: self.identity.clone(),
            rubric: trace.rubric.clone(),
            prompt_sha256: trace.prompt_sha256,
            seed: request.seed,
        };
        (run.sink)(ScoreEvent::Finished {
            assessment: Box::new(assessment),
            trace: Arc::new(trace),
        });
        Ok(())
    }

    fn trace(
        &self,
        request: &ScoreRequest,
        plan: &Plan,
        branch: Option<&Branch>,
        writer: &Writer,
        score: &ScorePosition,
    ) -> Trace {
        let dossier = &request.dossier;
        let address = |no: &SegmentNo| {
            dossier
                .segment(*no)
                .map(|s| (dossier.source_of(s).hash, s.anchor.span.start, s.anchor.span.end))
        };
        Trace {
            v: 3,
            dossier: dossier.meta.id.clone(),
            dimension: writer.dimension.clone(),
            prefix: plan.prefix.clone(),
            branch: branch.map(|b| b.tokens.clone()).unwrap_or_default(),
            output: writer.output.clone(),
            logits: score.logits,
            hidden: score.hidden.clone(),
            text: writer.text.state.iter().map(|x| x.to_bits()).collect(),
            focus: writer.text.focus,
            seed: request.seed,
            model: self.identity.clone(),
            rubric: RubricIdentity::of(&request.rubric),
            prompt_sha256: prompt::templates_hash(),
            segments: plan.segments.iter().filter_map(address).collect(),
        }
    }
}

/// What an answer sees: the lines it is to cite and nothing else of the papers, so that it says of them what stands in these;
/// the whole where that is not known beforehand.
fn seen(plan: &Plan, prefix: &Arc<SharedPrefix>, cited: Option<&[u32]>) -> BranchKv {
    match cited.and_then(|cited| plan.excerpt(cited)) {
        Some(kept) => prefix.excerpt(&kept),
        None => BranchKv::fork(prefix),
    }
}

/// The links of an answer: what the model cites, then the dimension's countable signals.
fn evidence(request: &ScoreRequest, plan: &Plan, writer: &Writer, cited: &[u32]) -> Vec<EvidenceLink> {
    let dossier: &Dossier = &request.dossier;
    let places = cited.iter().filter_map(|n| (*n as usize).checked_sub(1));
    let numbered: Vec<(SegmentNo, bool)> = places
        .filter_map(|at| {
            Some((
                *plan.segments.get(at)?,
                writer.text.against.get(at) == Some(&true),
            ))
        })
        .collect();
    let mut found = Vec::new();
    if let Some(dimension) = request.rubric.dimension(&writer.dimension) {
        let numbers: Vec<SegmentNo> = numbered.iter().map(|(no, _)| *no).collect();
        found = plan.sides.resolve(dossier, dimension, &numbers);
        for link in &mut found {
            if numbered.contains(&(link.place.segment, true)) {
                link.polarity = Polarity::Contradicts;
            }
        }
        let mut counts = signals::count_signals(dossier, dimension, request.language);
        counts.retain(|link| link.count.as_ref().is_some_and(|c| c.n >= MIN_COUNT));
        counts.sort_by_key(|link| std::cmp::Reverse(link.count.as_ref().map_or(0, |c| c.n)));
        found.extend(counts.into_iter().take(MAX_COUNTS));
    }
    found
}

/// The calibration that made a score, if one did.
fn applied(request: &ScoreRequest, score: &ScorePosition) -> Result<Option<ContentHash>> {
    let calibration = request.calibration.as_ref();
    let calibration = calibration.filter(|_| score.reading.margin.is_some());
    calibration.map(|calibration| calibration.id()).transpose()
}

/// One dimension being written.
struct Writer {
    dimension: DimensionId,
    grammar: Grammar,
    sampler: Sampler,
    kv: BranchKv,
    prompt: Vec<u32>,
    text: TextState,
    /// Tokens the model has not read yet; none when the answer is complete.
    pending: Vec<u32>,
    output: Vec<u32>,
    partial: PartialAnswer,
    /// The links, once they were told.
    evidence: Option<Vec<u32>>,
    score: Option<ScorePosition>,
}

/// What was seen where the score's digit is about to be written.
struct ScorePosition {
    /// How many tokens of the answer stand before the digit.
    at: usize,
    reading: ScoreReading,
    logits: [f32; 5],
    hidden: Vec<u16>,
}

impl Writer {
    fn read_score(
        &mut self,
        levels: [f32; 5],
        row: &[f32],
        hidden: &[f32],
        calibration: Option<&Calibration>,
        run: &mut Run,
    ) {
        let hidden = rounded(hidden);
        let said = reading::read(levels, row);
        // What reads pooled states reads nothing in others.
        let fits = |c: &&Calibration| c.focus.is_some() == self.text.focus.is_some();
        let reading = calibration.filter(fits).map_or(said, |calibration| {
            calibration.apply(
                &self.dimension,
                Features {
                    text: &self.text.state.iter().map(|x| x.to_f32()).collect::<Vec<_>>(),
                    hidden: &hidden.iter().map(|x| x.to_f32()).collect::<Vec<_>>(),
                    reading: &said,
                },
            )
        });
        self.score = Some(ScorePosition {
            at: self.output.len(),
            reading,
            logits: levels,
            hidden: hidden.iter().map(|x| x.to_bits()).collect(),
        });
        (run.sink)(ScoreEvent::Score {
            dimension: self.dimension.clone(),
            reading,
        });
    }

    /// Begins the answer with words that are known beforehand.
    fn begin_with(&mut self, text: &str, tokenizer: &Tokenizer) -> Result<()> {
        for token in tokenizer.encode(text)? {
            self.grammar.take(token)?;
            self.partial.push(tokenizer.bytes(token));
            self.pending.push(token);
            self.output.push(token);
        }
        Ok(())
    }

    /// Chooses the next token under the grammar, and takes those that can only follow; no words where only the score is
    /// asked for.
    fn write(&mut self, logits: &mut [f32], tokenizer: &Tokenizer, score_only: bool) -> Result<()> {
        let mask = self.grammar.mask()?;
        // Words alone: the digits of what is cited must not speak against a level.
        if self
            .score
            .as_ref()
            .is_some_and(|score| self.output.len() > score.at)
        {
            sampler::discourage_repetition(logits, &self.output);
        }
        let token = self.sampler.choose(logits, &mask)?;
        self.pending.clear();
        if token == tokenizer.end() {
            return Ok(());
        }
        self.grammar.take(token)?;
        self.pending.push(token);
        let ended = score_only && self.score.is_some();
        if !ended {
            self.pending.extend(self.grammar.take_forced());
        }
        for &token in &self.pending {
            self.partial.push(tokenizer.bytes(token));
        }
        self.output.extend(&self.pending);
        if ended || self.grammar.is_done() {
            self.pending.clear();
        }
        Ok(())
    }

    /// Tells what has become known: the links once, then the words.
    fn tell(&mut self, request: &ScoreRequest, plan: &Plan, run: &mut Run) {
        if self.evidence.is_none()
            && let Some(cited) = self.partial.evidence()
        {
            let links = evidence(request, plan, self, &cited);
            self.evidence = Some(cited);
            (run.sink)(ScoreEvent::Evidence {
                dimension: self.dimension.clone(),
                links,
            });
        }
        for field in [TextField::Rationale, TextField::Suggestion] {
            if let Some(text) = self.partial.news(field) {
                (run.sink)(ScoreEvent::Token {
                    dimension: self.dimension.clone(),
                    field,
                    text,
                });
            }
        }
    }
}

/// The last row of each span.
fn last_rows(spans: &[usize]) -> Vec<u32> {
    let ends = spans.iter().scan(0, |end, span| {
        *end += *span as u32;
        Some(*end - 1)
    });
    ends.collect()
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}
