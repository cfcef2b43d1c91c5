from .hosts import HOSTS as HOSTS, PLAIN as PLAIN, Host as Host
from .installing import InstalledFile as InstalledFile, SkillsInstalled as SkillsInstalled, install as install
from .launch_proof import launch_problems as launch_problems
from .plugin import plugin_folder as plugin_folder
