from .analysis import Analyzed as Analyzed, Diagnosed as Diagnosed, Suggested as Suggested
from .analysis_words import (
    analysis_grids as analysis_grids,
    analysis_headline as analysis_headline,
    analysis_markdown as analysis_markdown,
)
from .asked_comparison import (
    Asked as Asked,
    compare_runs as compare_runs,
    compare_scores as compare_scores,
    compare_table as compare_table,
    judge_asked as judge_asked,
    settings_here as settings_here,
)
from .checkpoint_references import find_checkpoints as find_checkpoints
from .comparison_files import compared as compared, write_comparison as write_comparison
from .comparison_tables import comparison_grids as comparison_grids
from .comparison_words import (
    OWN as OWN,
    beware_of_all as beware_of_all,
    change_rows as change_rows,
    comparison_markdown as comparison_markdown,
    headlines as headlines,
    judgement as judgement,
    shared_warnings as shared_warnings,
)
from .destination import STDOUT as STDOUT, check_destination as check_destination, delivered as delivered
from .diagnosis_pictures import write_pictures as write_pictures
from .diagnosis_words import (
    diagnosis_headline as diagnosis_headline,
    diagnosis_markdown as diagnosis_markdown,
    finding_lines as finding_lines,
    headline as headline,
    tries as tries,
)
from .doctor.additions import PluginPackage as PluginPackage, plugin_packages as plugin_packages
from .doctor.check_result import CheckResult as CheckResult, with_noun as with_noun
from .doctor.examination import (
    CheckSection as CheckSection,
    Examination as Examination,
    examine as examine,
    mended as mended,
)
from .doctor.reproduction import Reproduction as Reproduction, reproduce as reproduce
from .doctor.reproduction_words import reproduction_lines as reproduction_lines, variance_grid as variance_grid
from .document import keys_of as keys_of, part_of as part_of, to_json as to_json
from .experiment_result import (
    experiment_lines as experiment_lines,
    judged_experiment as judged_experiment,
    study_verdicts as study_verdicts,
)
from .findings import findings_so_far as findings_so_far
from .interactive_curves import curve_page as curve_page
from .live_page import LivePage as LivePage
from .metric_choice import chosen_metrics as chosen_metrics
from .metric_curves import (
    CurveSheet as CurveSheet,
    curve_sheet as curve_sheet,
    named_folders as named_folders,
    without_constants as without_constants,
)
from .metric_explanations import (
    ExplainedRun as ExplainedRun,
    explain_run as explain_run,
    explanation_markdown as explanation_markdown,
    facts as facts,
)
from .metric_pictures import MOST_RUNS as MOST_RUNS, curve_picture as curve_picture
from .metric_tables import COLUMNS as COLUMNS, plotted as plotted, to_rows as to_rows
from .page import Heading as Heading, write_page as write_page
from .paper_pictures import WIDTHS as WIDTHS, save_paper_figure as save_paper_figure
from .played import (
    FilmFacts as FilmFacts,
    evaluated as evaluated,
    filmed_episode as filmed_episode,
)
from .played_policies import (
    EPISODE_COLUMNS as EPISODE_COLUMNS,
    asked_policies as asked_policies,
    episode_rows as episode_rows,
    known_or_played as known_or_played,
    over_seeds as over_seeds,
    played_grid as played_grid,
)
from .plots import save_figure as save_figure, styled as styled
from .probe_pictures import probe_picture as probe_picture
from .probe_words import (
    probe_grids as probe_grids,
    probe_lines as probe_lines,
    probe_plan_grid as probe_plan_grid,
    probe_plan_lines as probe_plan_lines,
)
from .reflection_words import reflection_grid as reflection_grid, reflection_lines as reflection_lines
from .row_cells import score_cells as score_cells, seeds_cell as seeds_cell
from .run_analysis import Analysis as Analysis, analyze as analyze, analyze_run as analyze_run
from .run_facts import (
    RunFacts as RunFacts,
    fact_lines as fact_lines,
    facts_of_run as facts_of_run,
    time_line as time_line,
)
from .score_table import SCORE_NAMES as SCORE_NAMES, read_score_table as read_score_table, scores_in as scores_in
from .search_pictures import search_picture as search_picture
from .search_result import (
    Optimism as Optimism,
    SearchedTrial as SearchedTrial,
    SearchResult as SearchResult,
    judged_search as judged_search,
    plan_lines as plan_lines,
    search_lines as search_lines,
    searched as searched,
    trial_line as trial_line,
    trials_grid as trials_grid,
    unfinished as unfinished,
)
from .serving import serve_page as serve_page
from .study_comparison import (
    compare_folders as compare_folders,
)
from .study_page import write_study_page as write_study_page
from .summarizing import summarize as summarize
from .sweep_points import swept as swept
from .sweep_result import (
    SweepResult as SweepResult,
    failure_lines as failure_lines,
    judge_points as judge_points,
    plan_cost as plan_cost,
    plan_grid as plan_grid,
    point_settings as point_settings,
    result_grid as result_grid,
    result_lines as result_lines,
    unjudged_line as unjudged_line,
)
from .sweep_summary import points_of as points_of
from .text import Line as Line, wrapped as wrapped
