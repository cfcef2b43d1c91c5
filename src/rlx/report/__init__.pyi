from .analysis import Analyzed as Analyzed, Diagnosed as Diagnosed, Suggested as Suggested
from .analysis_words import (
    analysis_grids as analysis_grids,
    analysis_headline as analysis_headline,
    analysis_markdown as analysis_markdown,
)
from .checkpoint_references import find_checkpoints as find_checkpoints
from .comparison_files import compared as compared, write_comparison as write_comparison
from .comparison_tables import comparison_grids as comparison_grids
from .comparison_words import (
    beware_of_all as beware_of_all,
    changes as changes,
    comparison_markdown as comparison_markdown,
    headlines as headlines,
    judgement as judgement,
    settling as settling,
    shared_warnings as shared_warnings,
    unlearned as unlearned,
    verdict_headline as verdict_headline,
    verdicts as verdicts,
)
from .destination import STDOUT as STDOUT, check_destination as check_destination, delivered as delivered
from .diagnosis_pictures import write_pictures as write_pictures
from .diagnosis_words import (
    MARKS as MARKS,
    diagnosis_headline as diagnosis_headline,
    diagnosis_markdown as diagnosis_markdown,
    finding_lines as finding_lines,
    headline as headline,
    tries as tries,
)
from .digest import Digest as Digest
from .doctor.check_result import CheckResult as CheckResult, with_noun as with_noun
from .doctor.examination import (
    CheckSection as CheckSection,
    Examination as Examination,
    examine as examine,
    mended as mended,
)
from .document import keys_of as keys_of, part_of as part_of, to_json as to_json
from .grid import Grid as Grid
from .interactive_curves import curve_page as curve_page
from .judged_runs import (
    JudgedRuns as JudgedRuns,
    chosen_runs as chosen_runs,
    judge_runs as judge_runs,
    judge_study as judge_study,
    with_outdated as with_outdated,
)
from .metric_choice import chosen_metrics as chosen_metrics
from .metric_curves import CurveSheet as CurveSheet, curve_sheet as curve_sheet, without_constants as without_constants
from .metric_explanations import (
    ExplainedRun as ExplainedRun,
    explain_run as explain_run,
    explanation_markdown as explanation_markdown,
    facts as facts,
)
from .metric_pictures import MOST_RUNS as MOST_RUNS, curve_picture as curve_picture
from .metric_tables import COLUMNS as COLUMNS, plotted as plotted, to_rows as to_rows
from .page import Heading as Heading, write_page as write_page
from .played import (
    Evaluated as Evaluated,
    FilmFacts as FilmFacts,
    PlayedPolicy as PlayedPolicy,
    evaluated as evaluated,
    filmed_episode as filmed_episode,
)
from .plots import save_figure as save_figure
from .project_digest import digest_project as digest_project
from .run_analysis import Analysis as Analysis, analyze as analyze, analyze_run as analyze_run
from .run_digest import digest_run as digest_run
from .run_facts import RunFacts as RunFacts, facts_of_run as facts_of_run
from .run_files import read_analysis as read_analysis
from .score_table import read_references as read_references, read_score_table as read_score_table
from .study_comparison import (
    Bars as Bars,
    StudyComparison as StudyComparison,
    compare_folders as compare_folders,
    compare_metric as compare_metric,
    judge as judge,
    task_name as task_name,
)
from .sweep_digest import (
    digest_sweep as digest_sweep,
    judge_sweep as judge_sweep,
    looked_at_once as looked_at_once,
    members_of as members_of,
)
from .sweep_points import swept as swept
from .text import setting as setting, wrapped as wrapped
