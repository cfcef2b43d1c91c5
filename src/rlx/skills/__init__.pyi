from .hosts import HOSTS as HOSTS, PLAIN as PLAIN, Host as Host
from .installing import InstalledFile as InstalledFile, SkillsInstalled as SkillsInstalled, install as install
from .launch_proof import LaunchProof as LaunchProof, prove_launches as prove_launches
from .plugin import plugin_folder as plugin_folder
